// Drives node: the main thread's loop, from worker threads. What they submit goes into shared memory; a
// message wakes the loop. ../README.md has the words and the lines.
import { readSync, writeSync } from "node:fs";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const [SLOT, SLOTS, CLAIMED, TAKEN, RUNS, BARRIER] = [2048, 4096, 0, 1, 2, 3];
const shared = isMainThread
  ? { control: new Int32Array(new SharedArrayBuffer(64)), length: new Int32Array(new SharedArrayBuffer(SLOTS * 4)),
      text: new Uint8Array(new SharedArrayBuffer(SLOT * SLOTS)) }
  : workerData.shared;
const { control, length, text } = shared;
const me = isMainThread ? "loop" : workerData.me;
const calls = { "submit plain": "Atomics.store", "submit safe": "Atomics.store, postMessage" };

// One line by one write, which a pipe takes whole.
const write = (line) => writeSync(1, JSON.stringify(line) + "\n");
const say = (line) => write({ thread: me, ...line });

function submit(how, id, then) {
  say({ begins: "submit", callback: id, wakes: how === "safe", by: calls[`submit ${how}`] });
  const slot = Atomics.add(control, CLAIMED, 1) % SLOTS;
  const bytes = Buffer.from(JSON.stringify([id, then]));
  text.set(bytes, slot * SLOT);
  Atomics.store(length, slot, bytes.length);
  if (how === "safe") isMainThread ? setImmediate(drain) : parentPort.postMessage(null);
  say({ ends: "submit", result: "accepted" });
}

// Runs what was there when it began; what that submits waits for the next round.
function drain() {
  const ready = Atomics.load(control, CLAIMED);
  for (let next = control[TAKEN]; next < ready && Atomics.load(length, next % SLOTS); next = ++control[TAKEN]) {
    const slot = next % SLOTS;
    const [id, then] = JSON.parse(Buffer.from(text.slice(slot * SLOT, slot * SLOT + length[slot])));
    Atomics.store(length, slot, 0);
    say({ runs: id });
    obey(then);
  }
  if (Atomics.load(control, CLAIMED) > control[TAKEN]) setImmediate(drain);
}

// Obeys `A ; B then C`: C belongs to the callbacks that A and B submit.
function obey(line) {
  const [, commands, then] = line.match(/^(.*?)(?: then (.*))?$/);
  for (const command of commands.split(" ; ")) {
    const [word, how, ...numbers] = command.trim().split(" ");
    if (word === "submit") submit(how, Number(numbers[0]), then ?? "");
    else if (word === "run") Atomics.store(control, RUNS, 1), Atomics.notify(control, RUNS);
    else if (word === "burst") parentPort.postMessage([how, ...numbers.map(Number)]);
    else if (word === "quit") process.kill(process.pid, "SIGKILL");
  }
}

function work(me, rest) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { shared, me, ...rest } });
  worker.on("message", (message) => (message ? burst(...message) : drain()));
}

function burst(how, first, count, threads) {
  Atomics.store(control, BARRIER, threads);
  for (let i = 0; i < threads; i++) work(`w${i + 1}`, { how, first: first + i * count, count });
}

if (isMainThread) {
  write({ probe: 1, loop: "node", version: process.versions.node, calls });
  work("main", {});
  Atomics.wait(control, RUNS, 0);
  say({ begins: "start" });
  drain();
} else if (workerData.count) {
  Atomics.sub(control, BARRIER, 1), Atomics.notify(control, BARRIER);
  for (let left; (left = Atomics.load(control, BARRIER)) > 0;) Atomics.wait(control, BARRIER, left);
  for (let i = 0; i < workerData.count; i++) submit(workerData.how, workerData.first + i, "");
} else {
  const bytes = Buffer.alloc(4096);
  for (let words = "", read; (read = readSync(0, bytes)); ) {
    const lines = (words += bytes.toString("utf8", 0, read)).split("\n");
    words = lines.pop();
    lines.forEach(obey);
  }
  process.kill(process.pid, "SIGKILL");
}
