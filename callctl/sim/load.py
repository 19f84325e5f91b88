"""Many calls at a steady rate, and what came of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import gevent

from callctl.sim.node import SimNode
from callctl.sim.result import CallResult
from callctl.sim.scenario import MIX, Scenario, SimCall


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie; 0.0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclass(slots=True)
class Report:
    """What became of a run's calls. Times are seconds."""

    results: list[CallResult] = field(default_factory=list)
    seconds: float = 0.0
    unfinished: int = 0

    @property
    def outcomes(self) -> Counter[tuple[str, str]]:
        """Calls by scenario and outcome."""
        return Counter((result.scenario, result.outcome) for result in self.results if result.status)

    @property
    def errors(self) -> int:
        """Calls that no controller took or commanded, unless the caller gave up first, and calls that did not end."""
        ended = [result for result in self.results if result.finished.is_set()]
        return self.unfinished + sum(result.acted is None and result.status != 487 for result in ended)

    def first_command(self, share: float) -> float:
        """Percentile of dial to first command."""
        return percentile([r.first_command for r in self.results if r.first_command is not None], share)

    def acted(self, share: float) -> float:
        """Percentile of dial to the first application or message that decides the call."""
        return percentile([result.acted for result in self.results if result.acted is not None], share)


def run_load(
    node: SimNode, rate: float, calls: int, mix: Mapping[str, float] | Sequence[Scenario], *,
    make: Callable[[Scenario], SimCall] = SimCall, seed: int = 0, timeout: float = 60.0,
    told: Callable[[CallResult], None] | None = None,
) -> Report:  # fmt: skip
    """Place `calls` at `rate` a second, scenarios by weight, and wait for their ends (`timeout` after the last).

    `make` builds each call, for numbers and domains of one's own; `told` hears of each call that ended.
    """
    chosen = _choose(mix, calls, random.Random(seed))  # noqa: S311 - picks scenarios, no secret
    report = Report()
    began = time.monotonic()
    watchers = []
    for at, scenario in enumerate(chosen):
        gevent.sleep(max(0.0, began + at / rate - time.monotonic()))
        result = node.dial(make(scenario))
        report.results.append(result)
        if told is not None:
            watchers.append(gevent.spawn(_watch, result, told))
    deadline = time.monotonic() + timeout
    for result in report.results:
        if not result.finished.wait(max(0.0, deadline - time.monotonic())):
            report.unfinished += 1
    report.seconds = time.monotonic() - began
    gevent.joinall(watchers, timeout=0 if report.unfinished else 1)
    return report


def _choose(mix: Mapping[str, float] | Sequence[Scenario], calls: int, chance: random.Random) -> list[Scenario]:
    """By weight where weights are given, else in turn."""
    if not isinstance(mix, Mapping):
        return [mix[at % len(mix)] for at in range(calls)]
    return chance.choices([MIX[name] for name in mix], list(mix.values()), k=calls)


def _watch(result: CallResult, told: Callable[[CallResult], None]) -> None:
    result.finished.wait()
    told(result)
