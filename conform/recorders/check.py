#!/usr/bin/env python3
"""Tests the recorders: what each of them records now is accepted, and mutated, it is refused.

    python3 check.py PATH/TO/wakeproof

Needs a C compiler, rustc, node and java besides Python, and Linux.
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def recordings(folder):
    """Each recorder, and what it has recorded."""
    def path(name):
        return os.path.join(HERE, name)

    def run(*command):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout.decode()

    c, rust = os.path.join(folder, "c"), os.path.join(folder, "rust")
    run("cc", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", c, path("recorder.c"))
    run("rustc", "--edition", "2024", "-D", "warnings", "-o", rust, path("recorder.rs"))
    yield "recorder.py", run(sys.executable, path("recorder.py"))
    yield "recorder.c", run(c)
    yield "recorder.rs", run(rust)
    yield "recorder.mjs", run("node", path("recorder.mjs"))
    yield "Recorder.java", run("java", path("Recorder.java"))
    yield "record_asyncio.py", run(sys.executable, path("record_asyncio.py"))
    yield "record_asyncio.py --design", run(sys.executable, path("record_asyncio.py"), "--design")


def judge(wakeproof, lines, against):
    """The verdict about these lines, with a last line that fits."""
    lines = [*lines, {"end": len(lines) - 1}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    command = [wakeproof, "conform", "--trace", "-", "--format", "json", "--against", against]
    done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, timeout=120)
    verdict = json.loads(done.stdout)
    assert done.returncode == (0 if verdict["accepted"] else 1), done
    return verdict


def find(lines, first=0, **wanted):
    """Where the next line like this is."""
    for place in range(first, len(lines)):
        if wanted.items() <= lines[place].items():
            return place
    raise LookupError(f"no line like {wanted}")


def runs(lines):
    return [place for place, line in enumerate(lines) if "runs" in line]


def asleep_instead(lines, place):
    """Everybody sleeps instead of what this line says, once the calls that are open have ended."""
    ends = []
    for thread in {line["thread"] for line in lines[1:place] if "thread" in line}:
        own = [line for line in lines[1:] if line.get("thread") == thread]
        before = [line for line in lines[1:place] if line.get("thread") == thread]
        is_open = []
        for line in before:
            if "begins" in line:
                is_open.append(line["begins"])
            elif "ends" in line:
                is_open.pop()
        if is_open and is_open[-1] != "start":
            ends.append(next(line for line in own[len(before):] if "ends" in line))
    return lines[:place] + ends + [{"asleep": True}]


def mutated(lines):
    """Recordings that differ from a right one in one thing, each with the clause that it breaks."""
    def without(place):
        return lines[:place] + lines[place + 1:]

    def with_line(place, line):
        return lines[:place] + [line] + lines[place:]

    places = runs(lines)
    for one, two in zip(places, places[1:]):
        # Of two submissions that overlap, either may be the first.
        first, second = lines[one], lines[two]
        begin = find(lines, begins="submit", callback=first["runs"])
        end = find(lines, begin, thread=lines[begin]["thread"], ends="submit")
        if end < find(lines, begins="submit", callback=second["runs"]) < one:
            exchanged = lines.copy()
            exchanged[one], exchanged[two] = second, first
            yield "two runs exchanged", "FirstInFirstOut", exchanged
            break
    last = places[-1]
    yield "a run doubled", "NothingRunsTwice", with_line(last, lines[last])
    stranger = {**lines[last], "runs": 1_000_000}
    yield "a run of nobody's callback", "Submit", with_line(last, stranger)
    elsewhere = {**lines[last], "thread": "elsewhere"}
    yield "a run on another thread", "Run", lines[:last] + [elsewhere] + lines[last + 1:]
    yield "a run lost", "EveryCallbackIsSettled", asleep_instead(lines, last)
    returned = find(lines, ends="start")
    yield "a stop not honoured", "StopIsHonoured", asleep_instead(lines, returned)
    silent = [line for line in lines if "stop" not in (line.get("begins"), line.get("ends"))]
    yield "a run that nobody has stopped", "Return", silent
    for place, line in enumerate(lines):
        if line.get("ends") == "submit" and line["result"] == "refused":
            number = next(before["callback"] for before in reversed(lines[:place])
                          if before["thread"] == line["thread"] and before.get("begins") == "submit")
            ran = {"thread": lines[last]["thread"], "runs": number}
            yield "a refused callback run", "OneFateEach", with_line(place + 1, ran)
            if line["why"] == "closed":
                accepted = {"thread": line["thread"], "ends": "submit", "result": "accepted"}
                late = lines[:place] + [accepted] + lines[place + 1:]
                yield "a callback accepted after close", "NothingAcceptedAfterClose", late
    for place, line in enumerate(lines):
        if line.get("ends") == "cancel":
            number = lines[find(lines, begins="cancel")]["callback"]
            ran = {"thread": lines[last]["thread"], "runs": number}
            yield "a cancelled callback run", "OneFateEach", with_line(place + 1, ran)
    if lines[0].get("iterations"):
        # The loop's own callback submits one, which runs in the next iteration.
        nested = find(lines, thread="MainThread", begins="submit", by="call_soon")
        yield "an iteration too few", "Iterate", without(find(lines, nested, iterates=True))


def mutated_design(lines):
    """The same for a recording that is held against asyncio's design."""
    for what, _, lines_of_it in mutated(lines):
        # The module has iterations of its own, and does not look at those of the recording.
        if what != "an iteration too few":
            yield what, lines_of_it
    def step(name):
        enters = find(lines, enters=name)
        return enters, find(lines, enters, thread=lines[enters]["thread"], leaves=name)

    def without(places):
        return [line for place, line in enumerate(lines) if place not in places]

    # libuv reads the pipe before it runs what is queued. asyncio does not.
    read, first = step("read"), find(lines, iterates=True) + 1
    early = without(read)
    early[first:first] = [lines[place] for place in read]
    yield "the pipe read before the callbacks", early
    yield "a byte not written", without(step("write"))


def main(wakeproof):
    clauses = set()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in recordings(folder):
            *lines, end = map(json.loads, text.splitlines())
            assert end == {"end": len(lines) - 1}, end
            against = lines[0]["against"]
            for module in {against, "EventLoop"}:
                verdict = judge(wakeproof, lines, module)
                assert verdict["accepted"], (name, verdict)
                assert name.startswith(verdict["made"].split(",")[0]), (name, verdict)
                print(f"{name}: {module} accepts {verdict['lines']} lines, {verdict['ran']} callbacks")
            if against != "EventLoop":
                for what, lines_of_it in mutated_design(lines):
                    verdict = judge(wakeproof, lines_of_it, against)
                    assert verdict["refusal"] and verdict["refusal"]["is_complete"], (name, what, verdict)
                    print(f"  {what}: line {verdict['refusal']['line']}: {verdict['refusal']['did']}")
            for what, clause, lines_of_it in mutated(lines):
                verdict = judge(wakeproof, lines_of_it, "EventLoop")
                refusal = verdict["refusal"]
                assert refusal and refusal["clause"] == clause, (name, what, verdict)
                clauses.add(clause)
                if name == "record_asyncio.py":
                    print(f"  {what}: {refusal['clause']}, line {refusal['line']}: {refusal['did']}")
    assert len(clauses) == 10, sorted(clauses)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
