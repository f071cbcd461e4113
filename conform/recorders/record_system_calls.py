#!/usr/bin/env python3
"""Records real event loops by the system calls that strace sees, to hold them against their design.

    python3 record_system_calls.py libuv | wakeproof conform --trace -
    python3 record_system_calls.py --list

strace writes down the system calls of all threads in one order. A call is an interval there: its first line
is written before the call begins, the second after it is over. The selector becomes the step `select`, and
what is written to the loop's eventfd, and read from it, become `write` and `read`. The lines of the recording
itself are among the system calls, since the program writes each of them by one `write`.

The program is an adapter of `probes/`: it obeys words on its standard input. It gets the next word once every
thread has been asleep, which this script reads from /proc. It needs Linux, strace, and the loop itself; if
one of them is missing, it says so in one line and ends with status 2.
"""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROBES = os.path.join(HERE, "..", "..", "probes")
SELECTORS = ["epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll"]
BURST = ["w1", "w2", "w3"]
STEPS = {"select": ["Select"], "read": ["Drain"], "write": ["Write"], "run": ["Run"]}
OWN_STEPS = {**STEPS, "write": ["Write", "OwnWrite"]}
EDGE_STEPS = {"select": ["EdgeSelect"], "write": ["EdgeWrite"], "run": ["Run"]}


class Missing(Exception):
    """Something is not there; the message is one line that says what to do about it."""


def run(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise Missing(f"there is no `{command[0]}` on the PATH: install it") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it failed"]
        raise Missing(f"{shlex.join(command)}: {lines[-1].strip()}")
    return done.stdout


def c(source, library):
    """A program in C, compiled into this folder."""
    def build(folder):
        program = os.path.join(folder, "program")
        flags = run("pkg-config", "--cflags", "--libs", library).split()
        run("cc", "-O1", "-pthread", "-o", program, source, *flags)
        return [program]

    return build


def rust(name, *arguments):
    """A binary of the package in probes/rust."""
    def build(_folder):
        target = os.path.join(HERE, "..", "..", "target", "probes", "rust")
        manifest = os.path.join(PROBES, "rust", "Cargo.toml")
        run("cargo", "build", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", target,
            "--bin", name)
        return [os.path.join(target, "debug", name), *arguments]

    return build


def python(module):
    """A loop with asyncio's interface."""
    def build(_folder):
        run(sys.executable, "-c", f"import {module}")
        return [sys.executable, os.path.join(PROBES, "python", "asyncio_like.py"), module]

    return build


def words(own="plain", stop=None, bursts=True):
    """What the program is told: callbacks alone, callbacks that submit others, and bursts of three threads.
    `own` is how the loop's own thread submits, and `stop` how a callback stops the loop."""
    told = ["run", "submit safe 1", f"submit safe 2 then submit {own} 3 ; submit {own} 4"]
    if bursts:
        told += ["burst safe 5 20 3", f"submit safe 65 then submit {own} 66", "burst safe 67 20 3"]
    if stop:
        told += [f"submit safe 127 then stop {stop}", "run", "submit safe 128",
                 f"submit safe 129 then submit {own} 130", f"submit safe 131 then stop {stop}"]
    return told


# How each loop's program is made, what it is told, the module that it is held against, the steps that are
# seen, and the constants of the module that are not as in its model.
LOOPS = {
    "libuv": (c(os.path.join(HERE, "libuv_queue.c"), "libuv"), words(stop="plain"), "SelfPipeLoop", STEPS,
              {"Coalesces": True, "PollsOnStop": True}),
    # How a run of uvloop's ends is not recorded: its `stop` submits a callback that nobody sees.
    "uvloop": (python("uvloop"), words(), "SelfPipeLoop", STEPS, {"Coalesces": True}),
    "glib": (c(os.path.join(PROBES, "c", "glib.c"), "glib-2.0"), words(own="safe", stop="safe"),
             "SelfPipeLoop", OWN_STEPS, {"OwnWrites": True}),
    "mio": (rust("mio"), words(stop="plain"), "EdgeTriggeredLoop", EDGE_STEPS, {}),
    # No bursts: of several wakeups before the task is polled, tokio writes the first only, which the module
    # does not have.
    "tokio": (rust("tokio", "--queue"), words(own="safe", stop="plain", bursts=False), "EdgeTriggeredLoop",
              EDGE_STEPS, {}),
}


def asleep(pid):
    """What every thread of a process does, if all are asleep."""
    threads = []
    for task in sorted(os.listdir(f"/proc/{pid}/task")):
        def read(file):
            with open(f"/proc/{pid}/task/{task}/{file}") as opened:
                return opened.read()

        try:
            if read("stat").rpartition(") ")[2][0] != "S":
                return None
            switches = [line for line in read("status").splitlines() if "ctxt_switches" in line]
        except (FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            return None
        threads.append((task, switches))
    return threads


def wait_until_asleep(pid):
    """Until every thread has slept from one look to the next: nobody woke in between, and nobody is to wake
    by itself, since the program sets no timers."""
    before = None
    while before is None or before != asleep(pid):
        time.sleep(0.05)
        before = asleep(pid)
        time.sleep(0.05)


def child_of(process, program):
    """strace's child, once the program itself runs in it. strace tries out what it can do in others."""
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
                for child in children.read().split():
                    with open(f"/proc/{child}/cmdline") as command:
                        if command.read() == "".join(f"{word}\0" for word in program):
                            return int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.05)
    raise Missing("strace cannot run the program; may this user trace processes?")


def record(loop):
    """What strace sees of the loop's program, as lines."""
    build, told, *_ = LOOPS[loop]
    if not sys.platform.startswith("linux"):
        raise Missing("strace traces Linux only")
    if not shutil.which("strace"):
        raise Missing("there is no `strace` on the PATH: apt install strace")
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        log = os.path.join(folder, "log")
        calls = ["eventfd2", "read", "write", *SELECTORS]
        process = subprocess.Popen(
            ["strace", "-f", "-qq", "-s", "4096", "-e", "signal=none", "-o", log,
             "-e", "trace=" + ",".join(f"?{call}" for call in calls), *program],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            pid = child_of(process, program)
            for word in [*told, "quit"]:
                wait_until_asleep(pid)
                process.stdin.write(word.encode() + b"\n")
                process.stdin.flush()
            process.stdin.close()
            process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()
        with open(log) as opened:
            return opened.read().splitlines()


def line_of_recording(rest):
    """What a call writes, if that is a line of the program's."""
    text = ast.literal_eval(re.search(r'"(?:[^"\\]|\\.)*"', rest)[0])
    return json.loads(text) if text.startswith(('{"thread"', '{"probe"')) else None


def convert(loop, log):
    """The recording that strace's lines amount to."""
    _, told, against, steps, constants = LOOPS[loop]
    stops = {int(re.match(r"submit safe (\d+) then stop", word)[1]) for word in told if " then stop" in word}
    names = {}    # of threads, by their number
    inside = {}   # the step or the call that a thread is in
    eventfds = set()
    version, lines = "", []
    for line in log:
        thread, rest = line.split(None, 1)
        begun = re.match(r"(\w+)\((\d*)", rest)
        if begun:
            call, fd = begun.groups()
            step = "select" if call in SELECTORS else call if fd in eventfds else None
            inside[thread] = (call, fd, step)
            # Standard output may have another number, too.
            if call == "write" and fd not in eventfds and (said := line_of_recording(rest)):
                if "probe" in said:
                    version = f"{said['loop']} {said['version']}"
                else:
                    names[thread] = said["thread"]
                    if said.get("callback") in stops and "begins" in said:
                        said["stops"] = True
                    lines.append(said)
            elif step and thread in names:
                lines.append({"thread": names[thread], "enters": step})
        result = re.search(r"\) += (-?\d+)", rest)
        if "<unfinished" in rest or not result or thread not in inside:
            continue
        call, fd, step = inside.pop(thread)
        if call == "eventfd2":
            eventfds.add(result[1])
        elif step and thread in names:
            lines.append({"thread": names[thread], "leaves": step})
        elif (call, fd) == ("read", "0") and lines:
            # The next word comes when all are asleep, and its reader is the first to move.
            lines.append({"asleep": True})
    shown = {step for line in lines for key, step in line.items() if key == "enters"}
    assert shown == steps.keys() - {"run"}, f"{loop}: strace has seen only {sorted(shown)}"
    made = f"record_system_calls.py {loop}: {version}, by {run('strace', '--version').splitlines()[0]}"
    header = {"recording": "wakeproof", "version": 2, "against": against, "made": made, "steps": steps,
              "submitters": ["main", *BURST], "constants": {"TimedWaits": False, "PipeCapacity": 1000, **constants}}
    if stops:
        header["stoppers"] = len(stops)
    return [header, *lines, {"end": len(lines)}]


def main(arguments):
    if arguments == ["--list"]:
        print(*LOOPS, sep="\n")
        return 0
    if len(arguments) != 1 or arguments[0] not in LOOPS:
        print(f"record_system_calls: which loop? {', '.join(LOOPS)}", file=sys.stderr)
        return 2
    try:
        for line in convert(arguments[0], record(arguments[0])):
            print(json.dumps(line, separators=(",", ":")))
    except Missing as missing:
        print(f"record_system_calls: {arguments[0]} is not recorded: {missing}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
