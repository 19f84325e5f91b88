"""The switch's scheduler: tasks in groups, which are never replaced, only added and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

Later = Callable[[float, Callable[[], None]], "gevent.Greenlet[..., Any]"]


class Scheduler:
    """Tasks by number; `later` starts one after so many seconds."""

    def __init__(self, later: Later) -> None:
        self._later = later
        self._tasks: dict[int, tuple[str, gevent.Greenlet[..., Any]]] = {}
        self._number = 0

    def add(self, group: str, seconds: float, act: Callable[[], Any]) -> int:
        """Do `act` in so many seconds; the task's number."""
        self._number += 1
        number = self._number

        def run() -> None:
            self._tasks.pop(number, None)
            act()

        self._tasks[number] = (group, self._later(max(0.0, seconds), run))
        return number

    def delete(self, group: str) -> int:
        """Take back a group's tasks, or the task of that number; how many."""
        found = [number for number, (name, _) in self._tasks.items() if group in (name, str(number))]
        for number in found:
            self._tasks.pop(number)[1].kill(block=False)
        return len(found)
