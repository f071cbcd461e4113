"""The question's program: an event set from another thread, which does not wake the loop."""

import asyncio
import threading

# epoll_wait and epoll_pwait, on x86-64 and on aarch64.
POLLS = ("232 ", "281 ", "22 ")


def other_thread(event, loop_thread):
    # The loop's thread is asleep in its poll: nothing else to do.
    while True:
        with open(f"/proc/self/task/{loop_thread}/syscall") as syscall:
            if syscall.read().startswith(POLLS):
                break
    event.set()  # not loop.call_soon_threadsafe(event.set)
    print("ready")


async def main():
    event = asyncio.Event()
    arguments = (event, threading.get_native_id())
    threading.Thread(target=other_thread, args=arguments).start()
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait([waiting])


asyncio.run(main())
