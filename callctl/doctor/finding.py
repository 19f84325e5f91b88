"""What a check says, and how the checks of a room are run: each within a deadline, none when what it needs failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

import gevent

from callctl.errors import CallctlError

DEADLINE = 10.0  # seconds a check may take
CLOCK_LOOSE = 1.0  # seconds two clocks may differ before it is worth a word
CLOCK_WRONG = 30.0  # seconds from which times of calls and registrations are simply wrong

S = TypeVar("S")
Verdict = Literal["ok", "warn", "fail", "skip"]


class Words(NamedTuple):
    """One sentence in each language."""

    en: str
    zh: str


class Answer(NamedTuple):
    """What a check found; `mend` is what to do about it."""

    verdict: Verdict
    what: Words
    mend: Words | None = None


class Finding(NamedTuple):
    """An answer with the name of its check, `room.check`; `about` is the node, where there are several."""

    check: str
    about: str
    verdict: Verdict
    what: Words
    mend: Words | None


Check = Callable[[S], Answer]


@dataclass(frozen=True)
class Room(Generic[S]):
    """Checks on one thing that `opening` reaches, which gives the subject of all checks or raises CallctlError.

    `where` names what is reached, None where there is nothing to reach. When one of `gates` fails the checks are
    skipped. `blocking` checks wait for the disk and are done on a thread.
    """

    name: str
    opening: AbstractContextManager[S]
    checks: Sequence[Check[S]]
    gates: Sequence[Check[S]] = ()
    where: Words | None = None
    lost: str = ""  # Chinese, what it means that the opening fails; the English sentences are in the error
    mend: str = ""  # Chinese
    about: str = ""
    blocking: bool = False


def ok(en: str, zh: str) -> Answer:
    """Nothing is wrong."""
    return Answer("ok", Words(en, zh))


def skip(en: str, zh: str) -> Answer:
    """It could not be examined, for that reason."""
    return Answer("skip", Words(en, zh))


def warn(en: str, zh: str, mend: Words) -> Answer:
    """Calls work, and something is not as it should be."""
    return Answer("warn", Words(en, zh), mend)


def fail(en: str, zh: str, mend: Words) -> Answer:
    """Calls, records or registrations go wrong by it."""
    return Answer("fail", Words(en, zh), mend)


def failed(error: CallctlError, mend: str, lost: str = "") -> Answer:
    """An error's sentence, cause and mend apart; in Chinese `lost`, which says what failed, and `mend`."""
    cause, colon, cure = str(error).rpartition(": ")
    if not colon or cause.count("(") != cause.count(")"):
        zh = f"{lost or '检查失败'}：{error}"
        return fail(str(error), zh, Words("See the cause above.", mend or "请参见上述原因。"))
    cure = cure[:1].upper() + cure[1:]
    return fail(f"{cause}.", f"{lost or '检查失败'}：{cause}", Words(cure, mend or cure))


def clock(seconds: float, doubt: float, mend: Words) -> Answer:
    """A clock that is `seconds` ahead of ours, give or take `doubt`."""
    off = max(0.0, abs(seconds) - doubt)
    if off <= CLOCK_LOOSE:
        return ok("its clock agrees with ours", "时钟与本机一致")
    verdict: Verdict = "fail" if off > CLOCK_WRONG else "warn"
    way = ("ahead of", "快") if seconds > 0 else ("behind", "慢")
    what = Words(f"its clock is {abs(seconds):.1f} s {way[0]} ours", f"其时钟比本机{way[1]} {abs(seconds):.1f} 秒")
    return Answer(verdict, what, mend)


def examine(room: Room[S]) -> Iterator[Finding]:
    """The findings of a room, in order."""
    with ExitStack() as stack:
        subjects: list[S] = []

        def reach(opening: AbstractContextManager[S]) -> Answer:
            subjects.append(stack.enter_context(opening))
            return Answer("ok", room.where or Words("", ""))

        reached = _in_time(reach, room.opening, room.mend, room.lost)
        if room.where is not None:
            yield Finding(f"{room.name}.reachable", room.about, *reached)
        if not subjects:
            yield from skipped(room)
            return
        barred = False
        for check in (*room.gates, *room.checks):
            answer = _barred() if barred else _answer(room, check, subjects[0])
            yield Finding(_name(room, check), room.about, *answer)
            barred = barred or (check in room.gates and answer.verdict == "fail")


def skipped(room: Room[S]) -> Iterator[Finding]:
    """The findings of a room that cannot be entered."""
    for check in (*room.gates, *room.checks):
        yield Finding(_name(room, check), room.about, *_barred())


def _name(room: Room[S], check: Check[S]) -> str:
    return f"{room.name}.{check.__name__}"


def _barred() -> Answer:
    return skip("not examined, as what it needs failed", "因其前提失败而未检查")


def _answer(room: Room[S], check: Check[S], subject: S) -> Answer:
    return _in_time(_on_thread(check) if room.blocking else check, subject)


def _in_time(work: Callable[[S], Answer], subject: S, mend: str = "", lost: str = "") -> Answer:
    timeout = gevent.Timeout(DEADLINE)
    try:
        with timeout:
            return work(subject)
    except CallctlError as error:
        return failed(error, mend, lost)
    except Exception as error:  # noqa: BLE001  what nobody thought of must not hide what the other checks find
        said = f"{type(error).__name__}: {error}"
        return fail(
            f"what it said could not be read ({said})",
            f"无法理解其回答（{said}）",
            Words(
                "See whether what is examined is of a version that callctl knows; then report this line.",
                "请确认被检查对象的版本受 callctl 支持；若是，请上报此行。",
            ),
        )
    except gevent.Timeout as late:
        if late is not timeout:
            raise
        return fail(
            f"no answer within {DEADLINE:g} s",
            f"{DEADLINE:g} 秒内没有结果",
            Words("See whether what is examined hangs or is overloaded.", "请查看被检查的对象是否挂起或过载。"),
        )


def _on_thread(check: Check[S]) -> Check[S]:
    def job(subject: S) -> Answer | Exception:
        # An exception is returned: gevent prints what a thread raises.
        try:
            return check(subject)
        except Exception as error:  # noqa: BLE001  raised again by whoever waits
            return error

    def waiting(subject: S) -> Answer:
        result = gevent.get_hub().threadpool.spawn(job, subject).get()
        if isinstance(result, Exception):
            raise result
        assert result is not None
        return result

    return waiting
