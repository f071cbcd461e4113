import java.io.IOException;
import java.nio.channels.Selector;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Drives a loop around java.nio's Selector, with a queue beside it, as one writes it by hand. */
final class SelectorLoop extends Adapter {
    private final Selector selector = Selector.open();
    private final Queue<Runnable> queue = new ConcurrentLinkedQueue<>();
    private volatile boolean stopping;

    private SelectorLoop() throws IOException {
        super(Map.of(
            "submit plain", "queue.add", "submit safe", "queue.add, Selector.wakeup",
            "stop plain", "stopping = true", "stop safe", "stopping = true, Selector.wakeup"));
    }

    @Override
    void run() throws IOException {
        while (true) {
            for (int ready = queue.size(); ready > 0; ready--) {
                queue.remove().run();
            }
            if (stopping) {
                stopping = false;
                return;
            }
            if (queue.isEmpty()) {
                selector.select();
            }
        }
    }

    @Override
    void submit(boolean safe, Runnable callback) {
        queue.add(callback);
        if (safe) {
            selector.wakeup();
        }
    }

    @Override
    void stop(boolean safe) {
        stopping = true;
        if (safe) {
            selector.wakeup();
        }
    }

    public static void main(String[] arguments) throws IOException {
        new SelectorLoop().main("java.nio Selector");
    }
}
