"""A lost wakeup: the item is there, and nobody notifies the thread that waits for it."""

import threading

condition = threading.Condition()
items = []


def consume():
    with condition:
        print("ready")
        while not items:
            condition.wait()


consumer = threading.Thread(target=consume)
with condition:
    consumer.start()
# The consumer has the lock from here until it waits.
while True:
    with condition:
        if condition._waiters:
            items.append("an item")
            # Here, condition.notify() is missing.
            break
consumer.join()
