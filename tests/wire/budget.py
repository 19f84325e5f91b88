"""How many cases the fuzzers try: FUZZ_CASES at the controller (a million a night), the others in proportion.

FUZZ_CASES=1000000 python -m gevent.monkey --module pytest --timeout 0 tests/unit tests/wire
"""

import os

from hypothesis import HealthCheck, settings

NORMAL = 3000
CASES = int(os.environ.get("FUZZ_CASES", NORMAL))


def cases(normal):
    """The number of cases of a fuzzer that tries `normal` in the normal run."""
    return max(1, normal * CASES // NORMAL)


def fuzz(normal):
    """Settings of a property that is tried `normal` times in the normal run, however slow the machine is."""
    return settings(max_examples=cases(normal), deadline=None, suppress_health_check=[HealthCheck.too_slow])
