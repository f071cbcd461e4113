#!/usr/bin/env python3
"""Writes what a loop does, one line each, for `wakeproof conform --trace`.

    recorder = Recorder(fd, against="EventLoop", made="my loop 1.0, by my_recording.py")

Copy this file, or import it. Run as a program, it records a small loop of its own, as its test:

    python3 recorder.py | wakeproof conform --trace -
"""

import itertools
import json
import os
import queue
import threading


class Recorder:
    """Each line is a single write to a file descriptor, best to a pipe, where a write of less than 4,096
    bytes stays in one piece: the threads under test share no lock because of the recorder."""

    def __init__(self, fd, against="EventLoop", **header):
        self.fd = fd
        self.lines = itertools.count()  # counting is a single step
        self.write(recording="wakeproof", version=2, against=against, **header)

    def write(self, **line):
        next(self.lines)
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        assert os.write(self.fd, text) == len(text) < 4096

    def begins(self, call, **more):
        """Just before a call: submit, with callback and wakes; stop, with wakes; cancel, with callback;
        start; close. `by` may name it."""
        self.write(thread=name(), begins=call, **more)

    def ends(self, call, result="returned", **more):
        """Just after it. The result of submit is accepted or refused; `why` may say why."""
        self.write(thread=name(), ends=call, result=result, **more)

    def runs(self, callback):
        """The first thing that a callback does."""
        self.write(thread=name(), runs=callback)

    def iterates(self):
        """Just before an iteration; only if the header has iterations=True."""
        self.write(thread=name(), iterates=True)

    def enters(self, step):
        """Just before a step of a design; only if the header has steps."""
        self.write(thread=name(), enters=step)

    def leaves(self, step):
        """Just after it."""
        self.write(thread=name(), leaves=step)

    def asleep(self):
        """No thread of the process can go on by itself. Somebody outside has to see that."""
        self.write(asleep=True)

    def end(self):
        """The last line, when nobody writes any more."""
        self.write(end=next(self.lines) - 1)


def name():
    return threading.current_thread().name


def main(fd):
    """A loop around a queue.Queue, which wakes whoever waits for it."""
    recorder = Recorder(fd, made="recorder.py, a loop around queue.Queue")
    callbacks = queue.Queue()

    def submit(number):
        recorder.begins("submit", callback=number, wakes=True, by="Queue.put")
        callbacks.put(number)
        recorder.ends("submit", "accepted")

    def work():
        for number in 1, 2, 3:
            submit(number)
        recorder.begins("stop", wakes=True)
        callbacks.put(None)
        recorder.ends("stop")

    worker = threading.Thread(target=work, name="worker")
    worker.start()
    recorder.begins("start")
    while (number := callbacks.get()) is not None:
        recorder.runs(number)
    recorder.ends("start")
    worker.join()
    recorder.end()


if __name__ == "__main__":
    main(1)
