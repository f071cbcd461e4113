"""The same work on asyncio, uvloop or rloop. Prints the seconds and the number of operations.

Usage: peers.py LOOP WORK SIZE...
"""

import asyncio
import importlib
import sys
import threading
import time


def new_loop(name):
    return importlib.import_module(name).new_event_loop()


def submit(loop, threads, total):
    """Callbacks from other threads while the loop runs."""
    each = total // threads
    left = each * threads
    start = threading.Barrier(threads + 1)

    def count():
        nonlocal left
        left -= 1
        if left == 0:
            loop.stop()

    def produce():
        start.wait()
        for _ in range(each):
            loop.call_soon_threadsafe(count)

    producers = [threading.Thread(target=produce) for _ in range(threads)]
    for producer in producers:
        producer.start()
    start.wait()
    started = time.perf_counter()
    loop.run_forever()
    elapsed = time.perf_counter() - started
    for producer in producers:
        producer.join()
    return elapsed, each * threads


def own(loop, batch, batches):
    """Callbacks from the loop's own thread, a batch at a time."""
    left = batch

    def count():
        nonlocal left
        left -= 1
        if left == 0:
            left = batch
            loop.stop()

    started = time.perf_counter()
    for _ in range(batches):
        for _ in range(batch):
            loop.call_soon(count)
        loop.run_forever()
    return time.perf_counter() - started, batch * batches


def chain(loop, total):
    """A callback that schedules the next."""
    left = total

    def step():
        nonlocal left
        left -= 1
        if left == 0:
            loop.stop()
        else:
            loop.call_soon(step)

    loop.call_soon(step)
    started = time.perf_counter()
    loop.run_forever()
    return time.perf_counter() - started, total


def round_trip(loop, total):
    """A callback to a loop that sleeps, and the answer to a thread that sleeps."""
    answer = threading.Semaphore(0)

    def ask():
        for _ in range(total):
            loop.call_soon_threadsafe(answer.release)
            answer.acquire()
        loop.call_soon_threadsafe(loop.stop)

    asker = threading.Thread(target=ask)
    started = time.perf_counter()
    asker.start()
    loop.run_forever()
    elapsed = time.perf_counter() - started
    asker.join()
    return elapsed, total


def spawn(loop, total):
    """Tasks that end at their first step."""

    async def nothing():
        pass

    async def main():
        for _ in range(total):
            await loop.create_task(nothing())

    started = time.perf_counter()
    loop.run_until_complete(main())
    return time.perf_counter() - started, total


def timers(loop, total):
    """Timers in no order, all of them overdue."""
    left = total

    def count():
        nonlocal left
        left -= 1
        if left == 0:
            loop.stop()

    started = time.perf_counter()
    for i in range(total):
        loop.call_at((i * 0x9E3779B9 % (1 << 20)) * 1e-9, count)
    loop.run_forever()
    return time.perf_counter() - started, total


def main():
    name, work, *sizes = sys.argv[1:]
    loop = new_loop(name)
    works = {f.__name__: f for f in (submit, own, chain, round_trip, spawn, timers)}
    elapsed, operations = works[work](loop, *map(int, sizes))
    loop.close()
    print(elapsed, operations)


if __name__ == "__main__":
    main()
