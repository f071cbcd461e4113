import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.Collectors;

/** What the adapters in Java share: words in, the lines of a recording out. ../README.md has both. */
abstract class Adapter {
    private static final FileOutputStream OUT = new FileOutputStream(FileDescriptor.out);
    private final Map<String, String> calls;
    /** What callbacks will obey. */
    private final Map<Long, String> scripts = new ConcurrentHashMap<>();

    /** What the words are called in this loop. A word that is not among them is never said to it. */
    Adapter(Map<String, String> calls) {
        this.calls = calls;
    }

    abstract void run() throws Exception;

    abstract void submit(boolean safe, Runnable callback);

    abstract void stop(boolean safe);

    /** Writes one line by one write, which a pipe takes whole: no lock that the loop might need. */
    private static void say(String line) {
        try {
            OUT.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            Runtime.getRuntime().halt(3);
        }
    }

    private static void sayAsThread(String rest) {
        say("{\"thread\":\"" + Thread.currentThread().getName() + "\"," + rest + "}");
    }

    void main(String loop) throws IOException {
        Thread.currentThread().setName("main");
        String names = calls.entrySet().stream()
            .map(call -> "\"" + call.getKey() + "\":\"" + call.getValue() + "\"").collect(Collectors.joining(","));
        String version = System.getProperty("java.vm.name").split(" ")[0] + " " + System.getProperty("java.version");
        say("{\"probe\":1,\"loop\":\"" + loop + "\",\"version\":\"" + version + "\",\"calls\":{" + names
            + ",\"when\":\"then\",\"threads\":\"Thread\"}}");
        BufferedReader words = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = words.readLine()) != null;) {
            obey(line);
        }
        Runtime.getRuntime().halt(0); // Some loops never return: their threads are left behind on purpose.
    }

    /** Obeys `A ; B then C`: C belongs to the callbacks that A and B submit. */
    private void obey(String line) {
        if (line.startsWith("threads ")) {
            threads(line.substring("threads ".length()).split(" \\| "));
            return;
        }
        String[] parts = line.split(" then ", 2);
        for (String command : parts[0].split(" ; ")) {
            String[] word = command.trim().split(" ");
            switch (word[0]) {
                case "when" -> scripts.put(Long.parseLong(word[1]), parts[1]);
                case "run" -> start("loop", this::record);
                case "submit" -> submit(word[1], Long.parseLong(word[2]), parts.length == 2 ? parts[1] : "");
                case "chain" -> {
                    long id = Long.parseLong(word[2]);
                    long last = Long.parseLong(word[3]);
                    submit(word[1], id, id < last ? "chain " + word[1] + " " + (id + 1) + " " + last : "");
                }
                case "stop" -> {
                    boolean safe = word[1].equals("safe");
                    sayAsThread("\"begins\":\"stop\",\"wakes\":" + safe + ",\"by\":\"" + calls.get("stop " + word[1]) + "\"");
                    stop(safe);
                    sayAsThread("\"ends\":\"stop\",\"result\":\"returned\"");
                }
                case "burst" -> burst(word[1], Long.parseLong(word[2]), Long.parseLong(word[3]), Integer.parseInt(word[4]));
                case "quit" -> Runtime.getRuntime().halt(0);
                default -> { }
            }
        }
    }

    private void submit(String how, long id, String then) {
        boolean safe = how.equals("safe");
        sayAsThread("\"begins\":\"submit\",\"callback\":" + id + ",\"wakes\":" + safe
            + ",\"by\":\"" + calls.get("submit " + how) + "\"");
        submit(safe, () -> {
            sayAsThread("\"runs\":" + id);
            String script = scripts.getOrDefault(id, then);
            if (!script.isEmpty()) {
                obey(script);
            }
        });
        sayAsThread("\"ends\":\"submit\",\"result\":\"accepted\"");
    }

    /** Lets a thread obey each part, all at once. */
    private void threads(String[] parts) {
        CyclicBarrier barrier = new CyclicBarrier(parts.length);
        for (int part = 0; part < parts.length; part++) {
            String words = parts[part];
            startAtOnce(part + 1, barrier, () -> obey(words));
        }
    }

    private void burst(String how, long first, long count, int threads) {
        CyclicBarrier barrier = new CyclicBarrier(threads);
        for (int thread = 0; thread < threads; thread++) {
            long mine = first + thread * count;
            startAtOnce(thread + 1, barrier, () -> {
                for (long id = mine; id < mine + count; id++) {
                    submit(how, id, "");
                }
            });
        }
    }

    private static void startAtOnce(int number, CyclicBarrier barrier, Runnable body) {
        start("w" + number, () -> {
            try {
                barrier.await();
            } catch (InterruptedException | BrokenBarrierException error) {
                return;
            }
            body.run();
        });
    }

    private void record() {
        sayAsThread("\"begins\":\"start\"");
        try {
            run();
        } catch (Exception error) {
            error.printStackTrace();
        }
        sayAsThread("\"ends\":\"start\",\"result\":\"returned\"");
    }

    private static void start(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }
}
