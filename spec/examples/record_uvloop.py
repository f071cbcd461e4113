#!/usr/bin/env python3
"""Records what uvloop does with the pipe that its loop has to itself, as strace sees it.

    pip install uvloop
    PYTHONPATH=conform/recorders python3 spec/examples/record_uvloop.py > uvloop.jsonl
    cargo run -- conform --trace uvloop.jsonl

A child runs the loop, and writes a line for each call and each callback. strace sees those lines among the
system calls of all threads, in one order, and each system call as an interval: from before it begins until
after it is over. The selector, the writes to the loop's eventfd and the reads of it become steps of
SelfPipeLoop.tla. It needs Linux and strace.
"""

import ast
import itertools
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time

from recorder import Recorder

COMMANDS = ["safe", "nested", "burst", "safe", "nested", "burst"]
BURST = ["burst1", "burst2", "burst3"]
STEPS = {"select": ["Select"], "write": ["Write"], "read": ["Drain"], "run": ["Run"]}


def child():
    import uvloop

    made = (f"record_uvloop.py, CPython {platform.python_version()}, uvloop {uvloop.__version__}, "
            "strace -f -e trace=eventfd2,epoll_pwait,epoll_wait,read,write")
    recorder = Recorder(1, made=made, against="SelfPipeLoop", steps=STEPS, submitters=["worker", *BURST],
                        constants={"TimedWaits": False, "Coalesces": True, "PipeCapacity": 1000})
    numbers = itertools.count(1)

    class Loop(uvloop.Loop):
        def submit(self, call, wakes, callback):
            number = next(numbers)

            def run():
                recorder.runs(number)
                callback()

            recorder.begins("submit", callback=number, wakes=wakes, by=call.__name__)
            call(run)
            recorder.ends("submit", "accepted")

    loop = Loop()
    safe = lambda callback=lambda: None: loop.submit(loop.call_soon_threadsafe, True, callback)
    soon = lambda: loop.submit(loop.call_soon, False, lambda: None)

    def work():
        for line in sys.stdin:
            match line.strip():
                case "asleep":
                    recorder.asleep()
                case "safe":
                    safe()
                case "nested":
                    safe(lambda: [soon(), soon()])
                case "burst":
                    submit = lambda: [safe() for _ in range(10)]
                    threads = [threading.Thread(target=submit, name=name) for name in BURST]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                case "end":
                    os.write(1, b"END\n")
                    os._exit(0)

    threading.Thread(target=work, name="worker").start()
    recorder.begins("start", by="run_forever")
    loop.run_forever()


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
        threads.append((task, switches))
    return threads


def main():
    with tempfile.NamedTemporaryFile("r") as log:
        process = subprocess.Popen(
            ["strace", "-f", "-qq", "-s", "4096", "-e", "signal=none", "-o", log.name,
             "-e", "trace=eventfd2,epoll_pwait,epoll_wait,read,write", sys.executable, __file__, "--child"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        time.sleep(0.5)
        pid = 0
        while not pid:
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
                pid = int((children.read().split() or [0])[0])
        for command in COMMANDS:
            before = None
            while before is None or before != asleep(pid):
                before = asleep(pid)
                time.sleep(0.5)
            process.stdin.write(f"asleep\n{command}\n".encode())
            process.stdin.flush()
        before = None
        while before is None or before != asleep(pid):
            before = asleep(pid)
            time.sleep(0.5)
        process.stdin.write(b"asleep\nend\n")
        process.stdin.close()
        process.wait()
        convert(log.read().splitlines())


def convert(log):
    """Prints the recording that strace's lines amount to."""
    names = {}
    for line in log:
        written = re.match(r'(\d+) +write\(1, (".*")', line)
        if written and '\\"thread\\"' in line:
            said = re.search(r'"thread":"([^"]*)"', ast.literal_eval(written[2]))
            names.setdefault(written[1], said[1])
    eventfd = next(found[1] for line in log if (found := re.search(r"write\((\d+), \"\\1(\\0){7}\"", line)))
    open_step, lines = {}, []
    for line in log:
        tid, rest = line.split(None, 1)
        begun = re.match(r"(\w+)\((\d+)", rest)
        if begun:
            call, fd = begun.groups()
            if (call, fd) == ("write", "1"):
                lines.append(ast.literal_eval(re.search(r'".*"', rest)[0]).strip())
            step = ("select" if call.startswith("epoll") else call if fd == eventfd else None)
            if step and tid in names:
                open_step[tid] = step
                lines.append(f'{{"thread":"{names[tid]}","enters":"{step}"}}')
        if "<unfinished" not in rest and tid in open_step and re.search(r"\) += ", rest):
            lines.append(f'{{"thread":"{names[tid]}","leaves":"{open_step.pop(tid)}"}}')
    lines = lines[:lines.index("END")]
    begin = next(i for i, line in enumerate(lines) if '"recording"' in line)
    header, lines = lines[begin], lines[begin + 1:]
    print(header, *lines, f'{{"end":{len(lines)}}}', sep="\n")


if __name__ == "__main__":
    child() if "--child" in sys.argv[1:] else main()
