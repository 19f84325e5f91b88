"""The SIP world behind the simulated switch: who would answer, at which edge, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phone:
    """What comes back on an INVITE."""

    status: int = 200  # the final answer; 0: none ever
    ring: float = 1.0  # seconds before it
    rings: bool = True  # 180 first
    early: bool = False  # 183 in place of 180: the caller hears what it plays
    talk: float | None = None  # seconds after which the callee hangs up; None: it leaves that to the caller


UNKNOWN = Phone(status=404, ring=0.0, rings=False)
DEAD = Phone(status=503, ring=0.02, rings=False)  # a closed port; a silent host would be status 0 without 180


class World:
    """Phones by callee (`user@domain`) and edge (`host:port`); "*" stands for any. The first match of
    (callee, edge), (callee, any), (any, edge), (user at any domain, any) counts; nobody else is known."""

    def __init__(self, phones: Mapping[tuple[str, str], Phone]) -> None:
        self.phones = dict(phones)

    def phone(self, callee: str, edge: str) -> Phone:
        """Who answers for `callee` at `edge`. A dead edge is one whose ("*", edge) is not 200."""
        everyone = self.phones.get(("*", edge))
        if everyone is not None and everyone.status != 200:
            return everyone
        user = callee.partition("@")[0] + "@*"
        for key in ((callee, edge), (callee, "*"), (user, edge), (user, "*"), ("*", edge), ("*", "*")):
            if key in self.phones:
                return self.phones[key]
        return UNKNOWN
