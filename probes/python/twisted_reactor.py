#!/usr/bin/env python3
"""Drives Twisted's reactor."""

import twisted
from adapter import Adapter
from twisted.internet import reactor
from twisted.internet.defer import Deferred


class Twisted(Adapter):
    calls = {
        "submit plain": "reactor.callLater(0)",
        "submit safe": "reactor.callFromThread",
        "set plain": "Deferred.callback",
        "set safe": "callFromThread(Deferred.callback)",
        "stop plain": "reactor.stop",
        "stop safe": "callFromThread(reactor.stop)",
        "cancel": "DelayedCall.cancel",
        "fail": "raise",
    }

    def __init__(self):
        self.delayed = {}

    def run(self):
        reactor.run(installSignalHandlers=False)

    def submit(self, how, ident, callback):
        if how == "safe":
            reactor.callFromThread(callback)
        else:
            self.delayed[ident] = reactor.callLater(0, callback)

    def wait(self, go_on):
        self.deferred = Deferred()
        self.deferred.addCallback(lambda _: go_on())

    def set(self, how):
        fire = self.deferred.callback
        reactor.callFromThread(fire, None) if how == "safe" else fire(None)

    def stop(self, how):
        reactor.callFromThread(reactor.stop) if how == "safe" else reactor.stop()

    def cancel(self, ident):
        self.delayed[ident].cancel()


if __name__ == "__main__":
    Twisted().main("twisted", twisted.__version__)
