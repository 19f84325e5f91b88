"""What a test left behind: greenlets that still run, descriptors that are still open."""

import gc
import os
from contextlib import contextmanager

import gevent
from greenlet import greenlet

PATIENCE = 20.0  # seconds for what was told to end to do so
OWN = 3  # descriptors the interpreter and gevent may open for themselves, once; what leaks, leaks with every call


def held():
    """Running greenlets and open descriptors of this process."""
    gc.collect()
    running = sum(1 for known in gc.get_objects() if isinstance(known, greenlet) and known)
    return running, len(os.listdir("/proc/self/fd"))


@contextmanager
def nothing_left_behind():
    """Fails when more greenlets run or more descriptors are open after the block than before it."""
    before = held()
    yield
    with gevent.Timeout(PATIENCE, False):
        while held()[0] > before[0] or held()[1] > before[1] + OWN:
            gevent.sleep(0.02)
    running, descriptors = held()
    assert running <= before[0], f"{running - before[0]} greenlets still run"
    assert descriptors <= before[1] + OWN, f"{descriptors - before[1]} descriptors are still open"
