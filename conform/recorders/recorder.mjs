// Writes what a loop does, one line each, for `wakeproof conform --trace`.
//
// Copy this file, or import it. Each line is a single write to a file descriptor, best to a pipe, where a
// write of less than 4,096 bytes stays in one piece. A worker thread makes a recorder of its own with the
// same `lines`, and there is no lock. Run as a program, it records a small loop of its own, as its test:
//
//     node recorder.mjs | wakeproof conform --trace -

import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

export class Recorder {
  // The name of this thread, the file descriptor, and a shared count of lines.
  constructor(thread, fd, lines = new Int32Array(new SharedArrayBuffer(4))) {
    Object.assign(this, { thread, fd, lines });
  }

  write(line) {
    Atomics.add(this.lines, 0, 1);
    const text = JSON.stringify(line) + "\n";
    if (writeSync(this.fd, text) !== Buffer.byteLength(text) || text.length >= 4096) {
      throw new Error("a line was not written in one piece");
    }
  }

  // The first line. `header` may say how the recording was made.
  open(header = {}) {
    this.write({ recording: "wakeproof", version: 2, against: "EventLoop", ...header });
    Atomics.store(this.lines, 0, 0);
  }

  // Just before a call: submit, with callback and wakes; stop, with wakes; cancel, with callback; start;
  // close.
  begins(call, more = {}) {
    this.write({ thread: this.thread, begins: call, ...more });
  }

  // Just after it.
  ends(call, result = "returned", more = {}) {
    this.write({ thread: this.thread, ends: call, result, ...more });
  }

  // The first thing that a callback does.
  runs(callback) {
    this.write({ thread: this.thread, runs: callback });
  }

  // The last line, when nobody writes any more.
  end() {
    this.write({ end: Atomics.load(this.lines, 0) });
  }
}

// Node's own loop, to which a worker thread posts messages.
function main() {
  const recorder = new Recorder("main", 1);
  recorder.open({ made: `recorder.mjs, node ${process.version}, postMessage` });
  recorder.begins("start");
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: recorder.lines });
  worker.on("message", (callback) => {
    recorder.runs(callback);
    if (callback === 3) {
      // Once the worker has ended, nothing keeps node's loop.
      recorder.begins("stop", { wakes: true });
      worker.postMessage("end");
      recorder.ends("stop");
    }
  });
  process.on("exit", () => {
    recorder.ends("start");
    recorder.end();
  });
}

function work() {
  const recorder = new Recorder("worker", 1, workerData);
  for (const callback of [1, 2, 3]) {
    recorder.begins("submit", { callback, wakes: true, by: "postMessage" });
    parentPort.postMessage(callback);
    recorder.ends("submit", "accepted");
  }
  parentPort.once("message", () => parentPort.close());
}

if (!isMainThread) {
  work();
} else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main();
}
