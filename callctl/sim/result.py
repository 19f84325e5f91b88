"""What came of a simulated call, as its caller and the switch saw it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gevent.event import Event


@dataclass(slots=True)
class CallResult:
    """Times are seconds of the monotonic clock since the controller was dialled; None where it did not come so far."""

    uuid: str
    scenario: str
    status: int = 0  # the SIP answer the caller got
    cause: str = ""
    answered: bool = False
    billed_us: int = 0
    controller: str = ""  # who accepted
    accepted: float | None = None
    first_command: float | None = None
    acted: float | None = None  # the first application a controller queued, or its first uuid_kill
    set_up: float | None = None  # the caller heard 180, 183, 200 or the refusal
    legs: list[tuple[str, str]] = field(default_factory=list)  # UUID and cause of each B-leg
    finished: Event = field(default_factory=Event)

    @property
    def outcome(self) -> str:
        """`200` or the refusal and its cause, for counting."""
        return f"{self.status} {self.cause}"
