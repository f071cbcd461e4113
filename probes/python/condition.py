#!/usr/bin/env python3
"""Drives a queue with a threading.Condition, as one writes it by hand."""

import collections
import platform
import threading

from adapter import Adapter


class Condition(Adapter):
    calls = {
        "submit plain": "append",
        "submit safe": "append, notify",
        "stop plain": "stopping = True",
        "stop safe": "stopping = True, notify",
        "open": "new loop",
    }
    more = {"promises": ["order-across-threads"]}

    def __init__(self):
        self.do_open()

    def do_open(self):
        self.condition = threading.Condition()
        self.queue = collections.deque()
        self.stopping = False

    def run(self):
        while True:
            with self.condition:
                while not self.queue and not self.stopping:
                    self.condition.wait()
                batch, self.queue = self.queue, collections.deque()
                stopping, self.stopping = self.stopping, False
            for callback in batch:
                callback()
            if stopping:
                return

    def submit(self, how, _ident, callback):
        with self.condition:
            self.queue.append(callback)
            if how == "safe":
                self.condition.notify()

    def stop(self, how):
        with self.condition:
            self.stopping = True
            if how == "safe":
                self.condition.notify()


if __name__ == "__main__":
    Condition().main("threading.Condition", f"{platform.python_implementation()} {platform.python_version()}")
