#!/usr/bin/env python3
"""An event loop around threading.Condition, which records what it does.

    python3 condition.py            > condition.jsonl
    python3 condition.py --broken   > condition-broken.jsonl
    python3 condition.py --calls    > condition-calls.jsonl

`wakeproof conform --trace FILE` compares a recording with CondvarLoop.tla. With --broken, other
threads submit by call_soon, which wakes nobody: the loop is left asleep beside a callback. With
--calls, the recording is of version 2: it has the calls and the callbacks, and of the steps only
those that concern the condvar.
"""

import collections
import itertools
import json
import platform
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
        self.numbers = itertools.count(1)

    def step(self, action):
        self.record(action, queued=len(self.queue), asleep=self.asleep, stopping=self.stopping)

    def call_soon(self, callback):
        self.submit(callback, wakes=False)

    def call_soon_threadsafe(self, callback):
        self.submit(callback, wakes=True)

    def submit(self, callback, wakes):
        number = next(self.numbers)
        self.record.begins("submit", callback=number, wakes=wakes)
        with self.condition:
            self.step("Lock")
            self.queue.append((number, callback))
            self.step("Enqueue")
            if wakes:
                self.wake()
            self.step("Unlock")
        self.record.ends("submit", "accepted")

    def stop(self):
        self.record.begins("stop", wakes=True)
        with self.condition:
            self.step("Lock")
            self.stopping = True
            self.step("Stop")
            self.wake()
            self.step("Unlock")
        self.record.ends("stop", "returned")

    def wake(self):
        if self.asleep:
            self.asleep = False
            self.step("Notify")
            self.condition.notify()

    def run_forever(self):
        self.record.begins("start")
        self.run()
        self.record.ends("start", "returned")

    def run(self):
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
            for number, callback in batch:
                self.record.runs(number)
                callback()


class Recorder:
    """Steps as lines, each with the thread that takes it."""

    def __init__(self, **header):
        self.lines = [{"recording": "wakeproof", "version": 1, **header}]

    def __call__(self, action, **leads_to):
        self.add(action=action, **leads_to)

    def runs(self, number):
        self("Run")

    def begins(self, call, **what):
        """Version 1 has no calls."""

    def ends(self, call, result):
        """Nor their results."""

    def add(self, **what):
        self.lines.append({"thread": threading.current_thread().name, **what})

    def write(self, file):
        for line in [*self.lines, {"end": len(self.lines) - 1}]:
            print(json.dumps(line), file=file)


class CallRecorder(Recorder):
    """Calls, callbacks, and the steps that concern the condvar."""

    STEPS = {"wait": ["Sleep"], "wake": ["Wake"], "notify": ["Notify"], "run": ["Run"]}
    SHOWN = {actions[0]: step for step, actions in STEPS.items()}

    def __init__(self):
        self.lines = [{"recording": "wakeproof", "version": 2, "against": "CondvarLoop",
                       "made": f"condition.py --calls, CPython {platform.python_version()}",
                       "steps": self.STEPS, "submitters": ["worker"], "stoppers": 1,
                       "constants": {"TimedWaits": False}}]

    def __call__(self, action, **leads_to):
        # The mutex is held, so nobody can tell when between these lines the step is taken.
        if action in self.SHOWN:
            self.add(enters=self.SHOWN[action])
            self.add(leaves=self.SHOWN[action])

    def runs(self, number):
        self.add(runs=number)

    def begins(self, call, **what):
        self.add(begins=call, **what)

    def ends(self, call, result):
        self.add(ends=call, result=result)


def wait_until_asleep(loop):
    asleep = False
    while not asleep:
        with loop.condition:
            asleep = loop.asleep


def main(broken, calls):
    recorder = CallRecorder() if calls else Recorder(submitters=["worker"], stoppers=["MainThread"])
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
    main(broken="--broken" in sys.argv[1:], calls="--calls" in sys.argv[1:])
