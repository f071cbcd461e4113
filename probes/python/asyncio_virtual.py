#!/usr/bin/env python3
"""Drives asyncio in virtual time: its clock moves only when the loop sleeps until a timer."""

import asyncio
import selectors

from asyncio_like import AsyncioLike, version_of


class Clock(selectors.DefaultSelector):
    """A selector that does not wait for a timer: it moves the clock to it instead."""

    now = 0.0

    def select(self, timeout=None):
        ready = super().select(0 if timeout else timeout)
        if timeout and not ready:
            self.now += timeout
        return ready


class VirtualTime(asyncio.SelectorEventLoop):
    def __init__(self):
        self.clock = Clock()
        super().__init__(self.clock)

    def time(self):
        return self.clock.now


if __name__ == "__main__":
    loop = AsyncioLike(VirtualTime)
    loop.more = {"virtual_time": True, "make": "asyncio.new_event_loop()"}
    loop.main("asyncio", version_of("asyncio"))
