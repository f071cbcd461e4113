#!/usr/bin/env python3
"""Drives any loop with asyncio's interface: asyncio_like.py MODULE:FACTORY [--debug]"""

import asyncio
import importlib
import importlib.metadata
import platform
import sys

from adapter import Adapter


class AsyncioLike(Adapter):
    interface = "asyncio"
    calls = {
        "submit plain": "call_soon",
        "submit safe": "call_soon_threadsafe",
        "timer plain": "call_later(0)",
        "timer safe": "call_soon_threadsafe(call_later, 0)",
        "set plain": "Event.set",
        "set safe": "call_soon_threadsafe(Event.set)",
        "stop plain": "stop",
        "stop safe": "call_soon_threadsafe(stop)",
        "cancel": "Handle.cancel",
        "close": "close",
        "race": "close",
        "fail": "raise",
        "open": "new loop",
        "debug": "set_debug",
    }

    def __init__(self, factory):
        self.factory = factory
        self.do_open()

    def do_open(self):
        self.loop = self.factory()
        self.handles = {}

    def do_debug(self):
        self.loop.set_debug(True)

    def run(self):
        self.loop.run_forever()

    def the(self, how, call, *arguments):
        if how == "safe":
            return self.loop.call_soon_threadsafe(call, *arguments)
        return call(*arguments)

    def submit(self, how, ident, callback):
        submit = self.loop.call_soon_threadsafe if how == "safe" else self.loop.call_soon
        self.handles[ident] = submit(callback)

    def timer(self, how, ident, delay, callback):
        self.handles[ident] = self.the(how, self.loop.call_later, delay, callback)

    def wait(self, go_on):
        self.event = event = asyncio.Event()

        async def waiter():
            await event.wait()
            go_on()

        self.waiting = asyncio.run_coroutine_threadsafe(waiter(), self.loop)

    def set(self, how):
        self.the(how, self.event.set)

    def stop(self, how):
        self.the(how, self.loop.stop)

    def cancel(self, ident):
        self.handles[ident].cancel()

    def close(self):
        self.loop.close()


def version_of(package):
    if package == "asyncio":
        return f"{platform.python_implementation()} {platform.python_version()}"
    distributions = importlib.metadata.packages_distributions().get(package, [package])
    try:
        return importlib.metadata.version(distributions[0])
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    name, _, factory = sys.argv[1].partition(":")
    sys.path.insert(0, "")
    try:
        make = getattr(importlib.import_module(name), factory or "new_event_loop")
        loop = AsyncioLike(make)
        loop.more = {"make": f"{name}.{factory or 'new_event_loop'}()"}
    except Exception as error:
        sys.exit(f"{sys.argv[1]}: {type(error).__name__}: {error}")
    loop.main(name, version_of(name.partition(".")[0]))
