#!/usr/bin/env python3
"""An event loop around threading.Condition, which records what it does.

    python3 condition.py            > condition.jsonl
    python3 condition.py --broken   > condition-broken.jsonl

`wakeproof conform --trace FILE` compares a recording with CondvarLoop.tla. With --broken, other
threads submit by call_soon, which wakes nobody: the loop is left asleep beside a callback.
"""

import collections
import json
import sys
import threading


class Loop:
    def __init__(self, record):
        # A Condition's own lock is held around every step but Run, so the order in which steps are
        # recorded is the order in which they take effect.
        self.condition = threading.Condition(threading.Lock())
        self.queue = collections.deque()
        self.asleep = False
        self.stopping = False
        self.record = record

    def step(self, action):
        self.record(action, queued=len(self.queue), asleep=self.asleep, stopping=self.stopping)

    def call_soon(self, callback):
        self.submit(callback, wakes=False)

    def call_soon_threadsafe(self, callback):
        self.submit(callback, wakes=True)

    def submit(self, callback, wakes):
        with self.condition:
            self.step("Lock")
            self.queue.append(callback)
            self.step("Enqueue")
            if wakes:
                self.wake()
            self.step("Unlock")

    def stop(self):
        with self.condition:
            self.step("Lock")
            self.stopping = True
            self.step("Stop")
            self.wake()
            self.step("Unlock")

    def wake(self):
        if self.asleep:
            self.asleep = False
            self.step("Notify")
            self.condition.notify()

    def run_forever(self):
        first = True
        while True:
            with self.condition:
                self.step("Lock")
                if self.stopping and not first:
                    self.stopping = False
                    self.step("Stopped")
                    self.step("Unlock")
                    return
                first = False
                while not self.queue and not self.stopping:
                    self.asleep = True
                    self.step("Sleep")
                    self.condition.wait()
                    self.asleep = False
                    self.step("Wake")
                batch, self.queue = self.queue, collections.deque()
                self.step("Take")
                self.step("Unlock")
            for callback in batch:
                self.record("Run")
                callback()


class Recorder:
    """Steps as lines, each with the thread that takes it."""

    def __init__(self, **header):
        self.lines = [{"recording": "wakeproof", "version": 1, **header}]

    def __call__(self, action, **leads_to):
        thread = threading.current_thread().name
        self.lines.append({"thread": thread, "action": action, **leads_to})

    def write(self, file):
        for line in [*self.lines, {"end": len(self.lines) - 1}]:
            print(json.dumps(line), file=file)


def wait_until_asleep(loop):
    asleep = False
    while not asleep:
        with loop.condition:
            asleep = loop.asleep


def main(broken):
    recorder = Recorder(submitters=["worker"], stoppers=["MainThread"])
    loop = Loop(recorder)
    # A daemon, since a broken loop never returns.
    runner = threading.Thread(name="loop", target=loop.run_forever, daemon=True)
    runner.start()

    ran = threading.Event()
    submit = loop.call_soon if broken else loop.call_soon_threadsafe

    def work():
        for callback in [lambda: None, ran.set]:
            wait_until_asleep(loop)
            submit(callback)

    worker = threading.Thread(name="worker", target=work)
    worker.start()
    worker.join()
    if not broken:
        ran.wait()
        wait_until_asleep(loop)
        loop.stop()
        runner.join()
    recorder.write(sys.stdout)


if __name__ == "__main__":
    main(broken="--broken" in sys.argv[1:])
