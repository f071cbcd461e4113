// Writes what a loop does, one line each, for `wakeproof conform --trace`.
//
// Copy this file. Each line is a single write, best to a pipe, where a write of less than 4,096 bytes stays
// in one piece: the threads under test share no lock because of the recorder. Names must need no escapes in
// JSON. As a program, it records a small loop of its own, as its test:
//
//     java Recorder.java | wakeproof conform --trace -

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;

public class Recorder {
    private final FileOutputStream out;
    private final AtomicLong lines = new AtomicLong();

    /** Writes the first line. `made` says how the recording was made. */
    public Recorder(FileDescriptor fd, String made) {
        out = new FileOutputStream(fd);
        write("{\"recording\":\"wakeproof\",\"version\":2,\"against\":\"EventLoop\",\"made\":\"" + made + "\"}");
        lines.set(0);
    }

    private void write(String line) {
        lines.incrementAndGet();
        byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
        if (bytes.length >= 4096) {
            throw new IllegalArgumentException("a line of more than 4,096 bytes");
        }
        try {
            out.write(bytes);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static String thread() {
        return "{\"thread\":\"" + Thread.currentThread().getName() + "\",";
    }

    /** Just before a call: `more` is `,"callback":1,"wakes":true`, or what else the call has. */
    public void begins(String call, String more) {
        write(thread() + "\"begins\":\"" + call + "\"" + more + "}");
    }

    /** Just after it. */
    public void ends(String call, String result) {
        write(thread() + "\"ends\":\"" + call + "\",\"result\":\"" + result + "\"}");
    }

    /** The first thing that a callback does. */
    public void runs(long callback) {
        write(thread() + "\"runs\":" + callback + "}");
    }

    /** The last line, when nobody writes any more. */
    public void end() {
        write("{\"end\":" + lines.get() + "}");
    }

    /** A loop around a LinkedBlockingQueue, which wakes whoever waits for it. */
    public static void main(String[] arguments) throws InterruptedException {
        Recorder recorder = new Recorder(FileDescriptor.out, "Recorder.java, a loop around a LinkedBlockingQueue");
        LinkedBlockingQueue<Long> queue = new LinkedBlockingQueue<>();
        long stop = 0;
        Thread worker = new Thread(() -> {
            for (long callback = 1; callback <= 3; callback++) {
                recorder.begins("submit", ",\"callback\":" + callback + ",\"wakes\":true");
                queue.add(callback);
                recorder.ends("submit", "accepted");
            }
            recorder.begins("stop", ",\"wakes\":true");
            queue.add(stop);
            recorder.ends("stop", "returned");
        }, "worker");
        worker.start();
        recorder.begins("start", "");
        for (long callback = queue.take(); callback != stop; callback = queue.take()) {
            recorder.runs(callback);
        }
        recorder.ends("start", "returned");
        worker.join();
        recorder.end();
    }
}
