"""The dialplan applications of the simulated switch, apart from `bridge`."""

from __future__ import annotations

import time

import gevent

from callctl.sim import blocks, callers
from callctl.sim.call import Call, application
from callctl.sim.outbound import Outbound, dial


@application("set")
def set_variable(call: Call, argument: str) -> None:
    """`name=value`; without a value it is removed."""
    name, _, value = argument.partition("=")
    call.leg.variables.set(name.strip(), value)


@application("multiset")
def multiset(call: Call, argument: str) -> None:
    """`a=1 b=2`, or with another separator `^^:a=1:b=2`."""
    separator = " "
    if argument.startswith("^^"):
        separator, argument = argument[2:3], argument[3:]
    for part in argument.split(separator):
        set_variable(call, part)


@application("export")
def export(call: Call, argument: str) -> None:
    """`name=value` for this leg and the B-legs; `nolocal:name` means them only."""
    name, _, value = argument.partition("=")
    call.leg.variables.set(name, value)
    exported = call.leg.variables.get("export_vars")
    call.leg.variables.set("export_vars", f"{exported},{name}" if exported else name)


@application("answer")
def answer(call: Call, _argument: str) -> None:
    """Answer the caller."""
    callers.answer(call)


@application("pre_answer")
def pre_answer(call: Call, _argument: str) -> None:
    """Early media to the caller."""
    callers.pre_answer(call)


@application("hangup")
def hangup(call: Call, argument: str) -> None:
    """End the call with a cause."""
    call.hang_up(blocks.known_cause(argument))


@application("respond")
def respond(call: Call, argument: str) -> None:
    """Refuse with a SIP status (case h3: the cause follows from it)."""
    status = argument.split(" ", 1)[0]
    if status.isdecimal() and not call.leg.times.answered:
        call.status = int(status)
    call.hang_up(blocks.cause_of(call.status)[0] if call.status else "NORMAL_CLEARING")


@application("sched_hangup")
def sched_hangup(call: Call, argument: str) -> None:
    """`+N CAUSE`: another timer; the earliest fires, up to a second early (whole seconds)."""
    when, _, cause = argument.partition(" ")
    seconds = int(when.removeprefix("+"))
    # What the dialplan arms before a controller has the call guards against that controller, whose time is real.
    call.node.arm(call.leg.uuid, seconds, blocks.known_cause(cause or "ALLOTTED_TIMEOUT"), real=call.control is None)


@application("playback")
def playback(call: Call, argument: str) -> None:
    """Plays for as long as `silence_stream://MS` says, anything else for a second."""
    kind, _, milliseconds = argument.partition("silence_stream://")
    length = int(milliseconds) / 1000 if not kind and milliseconds.isdecimal() else 1.0
    call.wait(lambda: False, call.node.scaled(length))
    samples = int(length * 8000)
    for name, value in (
        ("current_application_response", "FILE PLAYED"), ("playback_last_offset_pos", str(samples)),
        ("playback_seconds", str(int(length))), ("playback_ms", str(int(length * 1000))),
        ("playback_samples", str(samples)),
    ):  # fmt: skip
        call.leg.variables.set(name, value)


@application("sleep")
def sleep(call: Call, argument: str) -> None:
    """Waits milliseconds."""
    call.wait(lambda: False, call.node.scaled(int(argument) / 1000))


@application("park")
def park(call: Call, _argument: str) -> None:
    """Waits for the end."""
    call.wait(lambda: False)


@application("echo")
def echo(call: Call, _argument: str) -> None:
    """Answers, if it was not answered, and lasts until somebody hangs up."""
    if callers.answer(call):
        call.talking.set()
        call.wait(lambda: False)


@application("conference")
def conference(call: Call, argument: str) -> None:
    """`room@profile`: in it until somebody hangs up."""
    if not callers.answer(call):
        return
    name, _, profile = argument.partition("@")
    most = call.leg.variables.get("conference_max_members")
    room = call.node.room(name.partition("+")[0], profile.partition("+")[0] or "default", int(most or 0))
    if room.full():
        return
    room.join(call)
    call.talking.set()
    try:
        call.wait(lambda: not room.has(call))
    finally:
        room.leave(call)


@application("enable_heartbeat")
def enable_heartbeat(call: Call, argument: str) -> None:
    """A SESSION_HEARTBEAT each N seconds."""
    seconds = float(argument or 60)

    def beat() -> None:
        while not call.leg.down:
            gevent.sleep(call.node.scaled(seconds))
            if not call.leg.down:
                call.leg.fire("SESSION_HEARTBEAT")

    call.node.spawn(beat)


@application("socket")
def socket(call: Call, argument: str) -> None:
    """`a:1|b:2 async full`: give the call to the first controller that accepts, else go on in the dialplan."""
    call.dialled = time.monotonic()
    sock = dial(argument.split(" ", 1)[0], call.node.connect_timeout)
    if sock is None:
        return
    call.result.accepted = time.monotonic() - call.dialled
    address = sock.getpeername()
    call.result.controller = f"{address[0]}:{address[1]}"
    call.leg.variables.set("socket_host", address[0])
    call.control = Outbound(call, sock)
    call.node.spawn(call.control.run)
    gevent.sleep(call.node.random() * 0.003)  # whether a subscription is there before PARK is a race
    call.park()
