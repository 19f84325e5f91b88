"""How long may a call last, whatever the money?"""

from __future__ import annotations

from callctl.case import Case


def longest(case: Case) -> int:
    """Seconds: the least of what the platform and the caller's account say."""
    platform = case.settings.calls.max_duration
    if case.emergency or case.account is None or case.account.max_duration is None:
        return platform
    return min(platform, case.account.max_duration)
