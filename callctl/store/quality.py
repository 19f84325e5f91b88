"""What carriers did lately, of the records of tries at them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Any

from callctl.outside import GIVEN_UP, Quality
from callctl.store.pool import Pool

# Long enough that a small platform has the 20 calls a floor asks for; short enough that a carrier that was down in the
# night is not judged by it at noon.
HOURS = 6
MOST = 20_000  # of a carrier's newest tries: more would hardly change what they say, and take MySQL longer

# A try that never went out has no number, nor has one of an emergency call.
_TRIES = f"""
SELECT LEFT(number, %s) AS called, COUNT(*), COUNT(answered_at),
       SUM(TIMESTAMPDIFF(MICROSECOND, answered_at, ended_at)),
       AVG(TIMESTAMPDIFF(MICROSECOND, dialed_at, COALESCE(ringing_at, answered_at)))
FROM (SELECT number, dialed_at, ringing_at, answered_at, ended_at, hangup_cause
      FROM cdr_leg
      WHERE carrier = %s AND started_at > UTC_TIMESTAMP(6) - INTERVAL {HOURS} HOUR
      ORDER BY started_at DESC LIMIT {MOST}) lately
WHERE ended_at IS NOT NULL
  AND (answered_at IS NOT NULL OR hangup_cause NOT IN %s)
  AND LEFT(number, %s) IN %s
GROUP BY called
"""  # noqa: S608  numbers of our own


def measure(pool: Pool, wanted: Mapping[str, Collection[str]]) -> dict[str, dict[str, Quality]]:
    """By prefix, and by each of its carriers that was tried. Raises StoreError."""
    found: dict[str, dict[str, Quality]] = {prefix: {} for prefix in wanted}
    for carrier in {name for carriers in wanted.values() for name in carriers}:
        prefixes = sorted((prefix for prefix in wanted if carrier in wanted[prefix]), key=len)
        for length, some in groupby(prefixes, len):
            for prefix, *figures in pool.rows(_TRIES, (length, carrier, tuple(GIVEN_UP), length, tuple(some))):
                found[prefix][carrier] = _quality(*figures)
    return found


def _quality(calls: int, answered: int, talked: Any, rang: Any) -> Quality:
    """Times are in microseconds."""
    return Quality(
        calls, answered / calls, float(talked) / answered / 1e6 if answered else 0.0, float(rang or 0) / 1e6
    )
