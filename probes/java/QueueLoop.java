import java.io.IOException;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;

/** Drives a loop around a LinkedBlockingQueue, whose one call wakes whoever waits in take. */
final class QueueLoop extends Adapter {
    private static final Runnable STOP = () -> { };
    private final LinkedBlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();

    private QueueLoop() {
        super(Map.of("submit safe", "add", "stop safe", "add(STOP)"));
    }

    @Override
    void run() throws InterruptedException {
        for (Runnable callback; (callback = queue.take()) != STOP;) {
            callback.run();
        }
    }

    @Override
    void submit(boolean safe, Runnable callback) {
        queue.add(callback);
    }

    @Override
    void stop(boolean safe) {
        queue.add(STOP);
    }

    public static void main(String[] arguments) throws IOException {
        new QueueLoop().main("LinkedBlockingQueue");
    }
}
