"""Every node of the platform, asked over its own event socket: what is up there, and what shall become of it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, NamedTuple, Self

import gevent
import orjson

from callctl.errors import CallctlError, CommandFailed, ConfigError, ServiceAway, UnsafeText
from callctl.esl import command
from callctl.esl.feed import Feed
from callctl.esl.wire import Event
from callctl.reason import Reason
from callctl.settings import Node, Settings


class Channel(NamedTuple):
    """A call's A-leg that is up."""

    uuid: str
    node: str
    caller: str


class Nodes:
    """Connections to all nodes; `away` are those that cannot be reached, each with the sentence that says why.

    A context manager. Raises ConfigError where no node is configured.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.nodes:
            raise ConfigError("No FreeSWITCH node is configured: add [[nodes]].")
        self.up: dict[str, Feed] = {}
        self.away: dict[str, str] = {}
        self._settings = settings
        self._feeds: list[Feed] = []

    def __enter__(self) -> Self:
        gevent.joinall([gevent.spawn(self._connect, node) for node in self._settings.nodes], raise_error=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for feed in self._feeds:
            feed.stop()

    def _connect(self, node: Node) -> None:
        feed = Feed(node, self._settings.esl.command_timeout)
        self._feeds.append(feed)
        try:
            feed.connect()
            gevent.spawn(feed.drain)
            feed.api("status")  # one that logs us in and then hangs is not reached
        except CallctlError as error:
            self.away[node.name] = str(error)
        else:
            self.up[node.name] = feed

    def missing(self, what: str, mend: str) -> CallctlError:
        """What to raise where something is not found: while a node is away it may be there."""
        if not self.away:
            return CallctlError(f"{what}: {mend}.")
        return ServiceAway(f"{what}, and not every node could be asked: {next(iter(self.away.values()))}")

    def calls(self) -> list[Channel]:
        """The A-legs that are up; one that has just come may be missing. Raises SwitchError.

        FreeSWITCH lists them from a database that it writes in another thread (switch_core_sqldb.c).
        """
        found: list[Channel] = []
        for name, feed in self.up.items():
            rows: list[dict[str, Any]] = orjson.loads(feed.api("show channels as json")).get("rows", [])
            own = (row for row in rows if row["direction"] == "inbound")
            found += [Channel(row["uuid"], name, row["initial_cid_num"]) for row in own]
        return found

    def find(self, uuid: str, first: str = "") -> tuple[str, Event | None]:
        """The node that has a channel, `first` being asked first, and all it says of that; ("", None) where none has.

        Raises SwitchError.
        """
        for node in sorted(self.up, key=lambda name: name != first):
            try:
                return node, Event(self.up[node].api(f"uuid_dump {command.uuid(uuid)}").encode())
            except (CommandFailed, UnsafeText):
                continue
        return "", None

    def variable(self, node: str, uuid: str, name: str) -> str:
        """A variable of a channel; "" where either is not there. Raises SwitchError."""
        try:
            value = self.up[node].api(f"uuid_getvar {command.uuid(uuid)} {name}")
        except CommandFailed:
            return ""
        return "" if value == "_undef_" else value

    def end(self, node: str, uuid: str) -> bool:
        """End a call as an operator does; whether it was there. Raises SwitchError."""
        try:
            self.up[node].api(f"uuid_kill {command.uuid(uuid)} {Reason.ENDED_BY_OPERATOR.cause}")
        except CommandFailed:
            return False
        return True


def hang_up(nodes: Nodes, beginning: str) -> Channel:
    """End the one call whose UUID begins so. Raises CallctlError where that is none or several."""
    found = [call for call in nodes.calls() if beginning and call.uuid.startswith(beginning)]
    if not found and beginning:  # perhaps the whole of one that is not listed yet
        node, call = nodes.find(beginning)
        if call and call.get("Call-Direction") == "inbound":
            found = [Channel(beginning, node, call.get("Caller-Orig-Caller-ID-Number"))]
    if len(found) > 1:
        raise CallctlError(f"{len(found)} calls that are up begin with {beginning}: give more of the UUID.")
    if not found or not nodes.end(found[0].node, found[0].uuid):
        raise nodes.missing(f"No call that is up has a UUID that begins with {beginning!r}", "see `callctl calls`")
    return found[0]
