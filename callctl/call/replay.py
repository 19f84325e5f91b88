"""A recorded call decided again: what would be done with it now, beside what was done then.

A recording is the bytes of one outbound socket: what FreeSWITCH sent, and what it was told.
"""

from __future__ import annotations

from typing import NamedTuple

from callctl.call.carry_out import commands
from callctl.call.decide import decide
from callctl.call.request import from_channel
from callctl.case import Decision
from callctl.errors import ConfigError, WireError
from callctl.esl.wire import Block, Wire
from callctl.model import CallRequest
from callctl.settings import Settings
from callctl.world import Directory, World


class Replay(NamedTuple):
    """`then` is empty when what was said is not recorded. Each line is an application and its argument."""

    request: CallRequest
    decision: Decision
    now: list[str]
    then: list[str]


def replay(received: bytes, sent: bytes, directory: Directory, world: World, settings: Settings) -> Replay:
    """Decide the recorded call with today's configuration. Raises ConfigError when the file is no such recording."""
    request = from_channel(_channel(received))
    decision = decide(request, directory, world, settings)
    now = b"".join(commands(decision, request, settings, {}))
    return Replay(request, decision, applications(now), applications(sent))


def _channel(received: bytes) -> Block:
    try:
        messages = Wire().feed(received)
    except WireError as error:
        raise ConfigError(f"The file is no recording of an event socket: {error}.") from error
    for message in messages:
        if message.get("Event-Name") == "CHANNEL_DATA":
            return message
    raise ConfigError("The file has no channel data: record an outbound socket from its first byte.")


def applications(sent: bytes) -> list[str]:
    """The applications that a controller had run, with their arguments, in order."""
    lines: list[str] = []
    rest = sent
    while rest:
        head, _, rest = rest.partition(b"\n\n")
        block = Block(head)
        size = block.number("content-length")
        body, rest = rest[:size], rest[size:]
        if name := block.get("execute-app-name"):
            lines.append(f"{name} {block.get('execute-app-arg') or body.decode('utf-8', 'replace')}".rstrip())
    return lines
