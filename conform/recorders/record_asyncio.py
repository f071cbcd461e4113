#!/usr/bin/env python3
"""Records what asyncio's own loop does, seen from outside: every call, every callback, every sleep.

    python3 record_asyncio.py | wakeproof conform --trace -
    python3 record_asyncio.py --design | wakeproof conform --trace -

With --design, the recording also shows what is inside: the selector, and the pipe that the loop has to
itself. It is held against AsyncioLoop.tla.

A child runs asyncio.SelectorEventLoop, whose methods are wrapped and otherwise as they come with Python.
This process tells the child's other threads what to do next, and does so once every thread of the child is
asleep. It reads that from /proc, so it needs Linux.
"""

import asyncio
import itertools
import os
import platform
import subprocess
import sys
import threading
import time

from recorder import Recorder

# What the child's worker thread is told to do, one after the other.
COMMANDS = ["safe", "plain", "safe", "nested", "cancel", "refused", "burst", "stop", "plain", "stop", "close"]
# The design knows neither a call without a wakeup from another thread, nor cancelling, nor debug mode.
DESIGN_COMMANDS = ["safe", "nested", "burst", "safe", "stop", "nested", "stop", "close"]
BURST = ["burst1", "burst2", "burst3"]
DESIGN = {
    "against": "AsyncioLoop",
    "steps": {
        "select": ["AsyncioSelect"],
        "write": ["Write"],
        "read": ["ReadFromSelf"],
        "run": ["AsyncioRun"],
    },
    "submitters": ["worker", *BURST],
    "stoppers": DESIGN_COMMANDS.count("stop") + 1,
    "constants": {"TimedWaits": False},
}


class RecordedLoop(asyncio.SelectorEventLoop):
    def __init__(self, recorder, shows_steps):
        self.recorder = recorder
        self.shows_steps = shows_steps
        self.numbers = itertools.count(1)  # counting is a single step
        self.closing = False
        self.closed = threading.Event()
        super().__init__()
        select = self._selector.select

        def recorded_select(timeout=None):
            # What is ready when this has returned is the next iteration.
            events = self.step("select", select, timeout)
            recorder.iterates()
            return events

        self._selector.select = recorded_select

    def step(self, name, method, *args):
        if not self.shows_steps:
            return method(*args)
        self.recorder.enters(name)
        result = method(*args)
        self.recorder.leaves(name)
        return result

    def _write_to_self(self):
        self.step("write", super()._write_to_self)

    def _read_from_self(self):
        self.step("read", super()._read_from_self)

    def submit(self, call, wakes, callback, args, context):
        number = next(self.numbers)

        def run():
            self.recorder.runs(number)
            callback(*args)

        stops = {"stops": True} if self.shows_steps and callback == self.stop else {}
        self.recorder.begins("submit", callback=number, wakes=wakes, by=call.__name__, **stops)
        try:
            handle = call(run, context=context)
        except RuntimeError as error:
            why = "closed" if self.is_closed() else str(error)
            self.recorder.ends("submit", "refused", why=why)
            raise
        handle.number = number  # for cancel
        self.recorder.ends("submit", "accepted")
        return handle

    def call_soon(self, callback, *args, context=None):
        return self.submit(super().call_soon, False, callback, args, context)

    def call_soon_threadsafe(self, callback, *args, context=None):
        return self.submit(super().call_soon_threadsafe, True, callback, args, context)

    def cancel(self, handle):
        self.recorder.begins("cancel", callback=handle.number)
        handle.cancel()
        self.recorder.ends("cancel")

    def stop(self):
        self.recorder.begins("stop", wakes=False)
        super().stop()
        self.recorder.ends("stop")

    def run_forever(self):
        self.recorder.begins("start", by="run_forever")
        super().run_forever()
        self.recorder.ends("start")

    def close(self):
        self.recorder.begins("close")
        super().close()
        self.recorder.ends("close")


class Handle(asyncio.Handle):
    """A handle with a number."""

    __slots__ = ("number",)


def child(shows_steps):
    # Handles have no room for more.
    asyncio.Handle = asyncio.events.Handle = Handle
    made = f"record_asyncio.py, CPython {platform.python_version()}, asyncio.SelectorEventLoop"
    header = DESIGN if shows_steps else {}
    recorder = Recorder(1, made=made, iterations=True, prompt_stop=True, **header)
    loop = RecordedLoop(recorder, shows_steps)
    worker = threading.Thread(target=work, args=[loop], name="worker")
    worker.start()
    while not loop.closing:
        loop.run_forever()
    loop.close()
    loop.closed.set()
    worker.join()
    recorder.end()


def work(loop):
    for line in sys.stdin:
        perform(line.strip(), loop)


def perform(command, loop):
    nothing = lambda: None
    match command:
        case "safe":
            loop.call_soon_threadsafe(nothing)
        case "plain":
            loop.call_soon(nothing)
        case "nested":
            loop.call_soon_threadsafe(lambda: [loop.call_soon(nothing), loop.call_soon(nothing)])
        case "cancel":
            loop.cancel(loop.call_soon(nothing))
            loop.call_soon_threadsafe(nothing)
        case "refused":
            # In debug mode, call_soon looks at the thread.
            loop.set_debug(True)
            try:
                loop.call_soon(nothing)
            except RuntimeError:
                pass
            loop.set_debug(False)
        case "burst":
            def submit():
                for _ in range(20):
                    loop.call_soon_threadsafe(nothing)

            threads = [threading.Thread(target=submit, name=name) for name in BURST]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        case "stop":
            loop.call_soon_threadsafe(loop.stop)
        case "close":
            loop.closing = True
            loop.call_soon_threadsafe(loop.stop)
            loop.closed.wait()
            try:
                loop.call_soon_threadsafe(nothing)
            except RuntimeError:
                pass


def asleep(pid):
    """What every thread of a process does, if all are asleep."""
    threads = []
    for task in sorted(os.listdir(f"/proc/{pid}/task")):
        def read(file):
            with open(f"/proc/{pid}/task/{task}/{file}") as opened:
                return opened.read()

        if read("stat").rpartition(") ")[2][0] != "S":
            return None
        switches = [line for line in read("status").splitlines() if "ctxt_switches" in line]
        threads.append((task, read("syscall"), switches))
    return threads


def wait_until_asleep(pid):
    """Until every thread has slept in the same system call from one look to the next: nobody woke in
    between, and nobody is to wake by itself, since this program sets no timers."""
    before = None
    while before is None or before != asleep(pid):
        time.sleep(0.05)
        before = asleep(pid)
        time.sleep(0.05)


def main(shows_steps):
    arguments = [sys.executable, __file__, "--child", *["--design"] * shows_steps]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lines = []
    os.set_blocking(process.stdout.fileno(), False)

    def take():
        lines.extend(process.stdout.readlines())

    for command in DESIGN_COMMANDS if shows_steps else COMMANDS:
        wait_until_asleep(process.pid)
        take()
        lines.append(b'{"asleep":true}\n')
        process.stdin.write(command.encode() + b"\n")
        process.stdin.flush()
    process.stdin.close()
    os.set_blocking(process.stdout.fileno(), True)
    take()
    # The child has not counted what was added to its lines.
    lines[-1] = b'{"end":%d}\n' % (len(lines) - 2)
    sys.stdout.buffer.writelines(lines)
    sys.exit(process.wait())


if __name__ == "__main__":
    (child if "--child" in sys.argv[1:] else main)("--design" in sys.argv[1:])
