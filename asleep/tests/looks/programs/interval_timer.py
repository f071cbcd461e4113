"""An interval timer whose handler sets it again."""

import signal


def again(*_):
    signal.setitimer(signal.ITIMER_REAL, 0.001)


signal.signal(signal.SIGALRM, again)
again()
print("ready")
while True:
    signal.pause()
