"""Hours of the week as OV500 keeps them, made into starts that hold until the next one."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

from callctl.ov500.source import Row, text, whole

T = TypeVar("T", bound=Hashable)

DAY = 86_400  # seconds
WEEK = range(1, 8)  # Monday is 1
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")


class Window(NamedTuple):
    """Weekdays from `first` to `last`, and the seconds of each from `start` on, before `end`."""

    first: int
    last: int
    start: int
    end: int

    def holds(self, weekday: int, second: int) -> bool:
        """Whether it is open then."""
        return self.first <= weekday <= self.last and self.start <= second < self.end



def window(row: Row) -> Window | None:
    """The window of a row; None where it is never open: a day or time is missing, or the end is before the start."""
    first, last = whole(row, "start_day"), whole(row, "end_day")
    start, end = _second(text(row, "start_time")), _second(text(row, "end_time"))
    if first is None or last is None or start is None or end is None:
        return None
    found = Window(max(first, 0) + 1, min(last, 6) + 1, start, min(end + 1, DAY))  # OV500's end is within
    return found if found.first <= found.last and found.start < found.end else None


def _second(clock: str) -> int | None:
    match = _TIME.fullmatch(clock)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * 60 + minutes) * 60 + seconds


def cuts(windows: Iterable[Window]) -> list[int]:
    """The seconds of a day at which something may change."""
    return sorted({0, *(second for each in windows for second in (each.start, each.end))} - {DAY})


def schedule(
    borders: Iterable[int], chosen: Callable[[int, int], T | None]
) -> tuple[list[tuple[dict[str, Any], T]], bool]:
    """What is chosen through the week, each with its `when`; and whether on some day there is nothing for a while.

    A start holds until the next, so what is before a while of nothing goes on through it; a day of nothing stays so.
    """
    days: dict[tuple[int, T], list[int]] = {}
    gap = False
    for weekday in WEEK:
        found = [(border, chosen(weekday, border)) for border in borders]
        there = [(border, value) for border, value in found if value is not None]
        gap = gap or 0 < len(there) < len(found)
        before: T | None = None
        for border, value in there:
            if value != before:
                days.setdefault((border, value), []).append(weekday)
            before = value
    return [(_when(start, on), value) for (start, value), on in days.items()], gap


def _when(start: int, weekdays: list[int]) -> dict[str, Any]:
    when: dict[str, Any] = {}
    if len(weekdays) < len(WEEK):
        when["weekdays"] = weekdays
    if start:
        when["start"] = f"{start // 3600:02}:{start // 60 % 60:02}:{start % 60:02}"
    return when
