"""What the adapters in Python share: words in, the lines of a recording out. ../README.md has both."""

import json
import os
import sys
import threading


def say(**line):
    """Writes one line by one write, which a pipe takes whole: no lock that the loop might need."""
    os.write(1, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def say_as_thread(**line):
    say(thread=threading.current_thread().name, **line)


class Fails(Exception):
    """What a callback raises on purpose."""


class Adapter:
    """A loop behind the words. A subclass has a method for each word that its loop can obey."""

    #: What the words are called in this loop: "submit plain", "submit safe", "stop plain", …
    calls = {}
    #: The interface whose documentation binds the loop.
    interface = ""
    #: What else its first line says: "promises", "virtual_time", "make".
    more = {}

    def main(self, loop, version):
        threading.current_thread().name = "main"
        self.scripts = {}
        calls = {**self.calls, "when": "then", "threads": "Thread"}
        say(probe=1, loop=loop, version=version, interface=self.interface, calls=calls, **self.more)
        for line in sys.stdin:
            self.obey(line.strip())
        os._exit(0)  # Some loops never return: their threads are left behind on purpose.

    def obey(self, line):
        """Obeys commands, `A ; B then C`: C is obeyed by the callbacks that A and B submit."""
        if line.startswith("threads "):
            return self.do_threads(line.removeprefix("threads ").split(" | "))
        commands, _, then = line.partition(" then ")
        for command in commands.split(" ; "):
            word, *rest = command.split()
            if word in ("submit", "when"):
                rest.append(then)
            elif word == "open":
                self.scripts.clear()
            getattr(self, "do_" + word)(*rest)

    def call(self, word, how, act, ident=None):
        """Makes a call between its two lines."""
        what = {} if ident is None else {"callback": int(ident)}
        name = "submit" if word in ("timer", "set") else word
        if name in ("submit", "stop"):
            what["wakes"] = how == "safe"
        by = self.calls.get(f"{word} {how}".strip())
        say_as_thread(begins=name, **what, **({"by": by} if by else {}))
        try:
            result = act()
        except Exception as error:
            why = "closed" if "close" in str(error).lower() else f"{type(error).__name__}: {error}"[:300]
            say_as_thread(ends=name, result="refused", why=why)
        else:
            fallback = "accepted" if name == "submit" else "returned"
            say_as_thread(ends=name, result=result if name == "cancel" and result else fallback)

    def callback(self, ident, then=""):
        def runs():
            say_as_thread(runs=int(ident))
            script = then or self.scripts.pop(ident, "")
            if script:
                self.obey(script)

        return runs

    def do_when(self, ident, then):
        self.scripts[ident] = then

    def do_run(self):
        def run():
            say_as_thread(begins="start")
            try:
                self.run()
                say_as_thread(ends="start", result="returned")
            except Exception as error:
                say_as_thread(ends="start", result="refused", why=type(error).__name__)

        self.runner = threading.Thread(target=run, name="loop", daemon=True)
        self.runner.start()

    def do_submit(self, how, ident, then=""):
        self.call("submit", how, lambda: self.submit(how, ident, self.callback(ident, then)), ident)

    def do_timer(self, how, ident, delay=0):
        self.call("timer", how, lambda: self.timer(how, ident, int(delay) / 1000, self.callback(ident)), ident)

    def do_chain(self, how, ident, last):
        """A callback that submits the next one, and so on."""
        rest = f"chain {how} {int(ident) + 1} {last}" if int(ident) < int(last) else ""
        self.do_submit(how, ident, rest)

    def do_wait(self):
        self.wait(lambda: self.callback(self.to_set)())

    def do_set(self, how, ident):
        self.to_set = ident
        self.call("set", how, lambda: self.set(how), ident)

    def do_stop(self, how):
        self.call("stop", how, lambda: self.stop(how))

    def do_cancel(self, ident):
        self.call("cancel", "", lambda: self.cancel(ident), ident)

    def do_close(self):
        self.call("close", "", self.close)

    def do_fail(self):
        raise Fails("on purpose")

    def do_burst(self, how, first, count, threads, also=0):
        """Lets threads submit so many callbacks each, all at once; `also` is how many others take part."""
        barrier = threading.Barrier(int(threads) + also)

        def submit(mine):
            barrier.wait()
            for ident in range(mine, mine + int(count)):
                self.do_submit(how, ident)

        for number in range(int(threads)):
            mine = int(first) + number * int(count)
            threading.Thread(target=submit, args=[mine], name=f"w{number + 1}").start()
        return barrier

    def do_threads(self, parts):
        """Lets a thread obey each part, all at once."""
        barrier = threading.Barrier(len(parts))

        def obey(part):
            barrier.wait()
            self.obey(part)

        for number, part in enumerate(parts):
            threading.Thread(target=obey, args=[part], name=f"w{number + 1}").start()

    def do_race(self, first, count, threads):
        """The same while the loop, which has returned from its run, is closed."""
        self.do_burst("safe", first, count, threads, also=1).wait()
        self.do_close()

    def do_quit(self):
        os._exit(0)
