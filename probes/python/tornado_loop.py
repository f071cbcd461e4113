#!/usr/bin/env python3
"""Drives tornado's IOLoop."""

import asyncio

import tornado
from adapter import Adapter
from tornado.ioloop import IOLoop
from tornado.locks import Event


class Tornado(Adapter):
    calls = {
        "submit plain": "call_later(0)",
        "submit safe": "add_callback",
        "set plain": "locks.Event.set",
        "set safe": "add_callback(locks.Event.set)",
        "stop plain": "stop",
        "stop safe": "add_callback(stop)",
        "cancel": "remove_timeout",
        "close": "close",
        "race": "close",
        "fail": "raise",
        "open": "new loop",
    }

    def __init__(self):
        self.do_open()

    def do_open(self):
        self.loop = IOLoop(make_current=False)
        self.timeouts = {}

    def run(self):
        asyncio.set_event_loop(self.loop.asyncio_loop)
        self.loop.start()

    def submit(self, how, ident, callback):
        if how == "safe":
            self.loop.add_callback(callback)
        else:
            self.timeouts[ident] = self.loop.call_later(0, callback)

    def wait(self, go_on):
        self.event = event = Event()

        async def waiter():
            await event.wait()
            go_on()

        self.loop.add_callback(waiter)

    def set(self, how):
        self.loop.add_callback(self.event.set) if how == "safe" else self.event.set()

    def stop(self, how):
        self.loop.add_callback(self.loop.stop) if how == "safe" else self.loop.stop()

    def cancel(self, ident):
        self.loop.remove_timeout(self.timeouts[ident])

    def close(self):
        self.loop.close()


if __name__ == "__main__":
    Tornado().main("tornado", tornado.version)
