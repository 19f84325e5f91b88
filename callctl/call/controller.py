"""One call's life, from the moment FreeSWITCH brings it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars

from callctl.admission import money
from callctl.admission.limits import release
from callctl.call import charging, facts
from callctl.call.carry_out import carry_out
from callctl.call.decide import decide, refusal
from callctl.call.onward import Onward
from callctl.call.request import from_channel, printable
from callctl.call.world import Facts
from callctl.case import Decision
from callctl.cdr.spool import Spool
from callctl.errors import CallctlError, ConfigError, Gone, SpoolError, SwitchError, UnsafeText
from callctl.esl.session import Session
from callctl.esl.wire import Event
from callctl.live import metrics
from callctl.live.publisher import Publisher
from callctl.model import CallRequest, failed
from callctl.reason import Reason
from callctl.settings import Settings

log = structlog.get_logger()

NEAR_AGAIN = 3600  # seconds after which it is told again that an account is near a limit


class Controller:
    """Decides, connects and records the calls of one worker. `name` says which in records."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        known: Facts,
        spool: Spool,
        publisher: Publisher,
        feed_is_up: Callable[[str], bool],
    ) -> None:
        self._settings = settings
        self._name = name
        self._known = known
        self._spool = spool
        self._publisher = publisher
        self._feed_is_up = feed_is_up
        self._held = 0

    def handle(self, session: Session) -> None:
        """Take a call from FreeSWITCH and see it to its end; what goes wrong is logged with the call's UUID."""
        clear_contextvars()
        self._held += 1
        try:
            self._call(session)
        except SwitchError as error:
            log.warning("call's socket ended", error=str(error))
        except CallctlError as error:
            log.error("call failed", error=str(error))
        except Exception:
            log.exception("call failed")
        finally:
            self._held -= 1

    def _call(self, session: Session) -> None:
        arrived = time.monotonic()
        request = from_channel(session.connect(self._settings.esl.linger))
        bind_contextvars(call=request.call_uuid)
        decision = self._kept(request, self._decide(request))
        metrics.decided[facts.outcome_name(decision)].observe(time.monotonic() - arrived)
        self._publish(request, decision)
        end: Event | None = None
        way = Onward(request, decision)
        try:
            end = self._carried_out(way, request, session)
        except Gone:  # before the switch was told anything, or while it was told of a refusal
            self._free_money(request, way.decision)
            raise
        finally:
            if end is not None or session.lost:
                self._free_places(request, way.decision)
        if end is not None:
            self._ended(end)
            session.leave()

    def _ended(self, end: Event) -> None:
        """Record the end of a call, and tell Redis what it owes; the recorder, if it hears it, does the same."""
        if charging.costs(end):
            self._publisher.write(lambda pipe: charging.settled(pipe, self._settings.redis, end))
        self._spool.put(facts.ended(end))

    def _free_places(self, request: CallRequest, decision: Decision) -> None:
        """The places of a call that ended here, or whose socket did: should it live on, the recorder takes them anew.

        Of a call that was let go the recorder gives them back.
        """
        if decision.levels:
            self._publisher.write(lambda pipe: release(pipe, self._settings.redis, request.call_uuid, decision.levels))

    def _free_money(self, request: CallRequest, decision: Decision) -> None:
        """The money of a call that nobody connects; that of one which may live on stays held until its end is heard."""
        redis, call = self._settings.redis, request.call_uuid
        for basis in decision.bases:
            self._publisher.write(partial(money.release, settings=redis, call=call, account=basis.account))

    def _kept(self, request: CallRequest, decision: Decision) -> Decision:
        """The decision, once it is safe; a call whose record cannot be kept is refused."""
        try:
            self._spool.put(facts.routed(request, decision, self._name))
        except SpoolError as error:
            log.error("record cannot be kept", error=str(error))
            self._free_places(request, decision)
            self._free_money(request, decision)
            return refusal(Reason.SPOOL_FULL, failed("spool", Reason.SPOOL_FULL, "spool.full"))
        return decision

    def _carried_out(self, way: Onward, request: CallRequest, session: Session) -> Event | None:
        """As carry_out; a decision that cannot be said to FreeSWITCH ends in a refusal."""
        try:
            return self._carry_out(way, request, session)
        except (UnsafeText, ConfigError) as error:
            log.exception("decision cannot be carried out")
            self._free_money(request, way.decision)
            return self._carry_out(Onward(request, _fault(error)), request, session)

    def _carry_out(self, way: Onward, request: CallRequest, session: Session) -> Event | None:
        return carry_out(
            way.decision,
            request,
            session,
            self._settings,
            self._name,
            lambda: self._feed_is_up(request.node),
            lambda failed: self._again(request, way, failed),
            lambda leg: self._connected(request, way, leg),
        )

    def _again(self, request: CallRequest, way: Onward, failed: Event) -> Decision | Reason:
        """What to do with a call whose bridge failed; or why it is refused."""
        assert self._known.directory is not None, "a call that was bridged was decided by one"
        before = way.decision
        try:
            other = way.next(failed, self._known.directory, self._known, self._settings, self._feed_is_up)
        except Exception:
            log.exception("no other way could be decided")
            other = None
        if other is None or not way.take(other):
            if other is not None:
                self._free_others(request, other, before)
            return way.why(failed)
        self._free_others(request, before, other)
        self._tell(request, other, failed, *way.story)
        return other

    def _connected(self, request: CallRequest, way: Onward, leg: str) -> Mapping[str, str]:
        """What changes on the channel where one of several carriers answered: the others' places are free again."""
        before = way.decision
        now = way.connected(leg)
        if now is None:
            return {}
        self._free_others(request, before, now)
        return {"callctl_levels": ",".join(now.levels)}

    def _tell(
        self, request: CallRequest, decision: Decision, because: Event, name: str, data: Mapping[str, Any]
    ) -> None:
        """A line of the call's story."""
        call, at = request.call_uuid, because.number("Event-Date-Timestamp")
        shown = {key: value for key, value in data.items() if key != "steps"}
        log.info(name, **shown)
        self._spool.put([facts.event(call, request.started_us, because.number("Event-Sequence"), at, name, data)])
        self._publisher.event(name, call, at, request.node, decision.account, shown)

    def _free_others(self, request: CallRequest, gone: Decision, kept: Decision) -> None:
        """Give back what a way took that is gone, and the one that is kept has not."""
        levels = tuple(level for level in gone.levels if level not in kept.levels)
        accounts = {basis.account for basis in kept.bases}
        bases = tuple(basis for basis in gone.bases if basis.account not in accounts)
        self._free_places(request, replace(gone, levels=levels))
        self._free_money(request, replace(gone, bases=bases))

    def _decide(self, request: CallRequest) -> Decision:
        if self._held > self._settings.esl.max_sessions:
            return refusal(
                Reason.OVERLOADED, failed("controller", Reason.OVERLOADED, "controller.full", held=self._held)
            )
        directory = self._known.directory
        if directory is None:
            return refusal(
                Reason.DIRECTORY_AWAY, failed("directory", Reason.DIRECTORY_AWAY, "directory.away")
            )
        if not self._spool.healthy:
            return refusal(Reason.SPOOL_FULL, failed("spool", Reason.SPOOL_FULL, "spool.full"))
        try:
            return decide(request, directory, self._known, self._settings)
        except Exception as error:
            log.exception("decision failed")
            return _fault(error)

    def _publish(self, request: CallRequest, decision: Decision) -> None:
        data = facts.summary(request, decision)
        name = "refused" if "reason" in data else "routed"
        log.info(name, **{key: value for key, value in data.items() if value is not None}, account=decision.account)
        tell = self._publisher.event
        tell(name, request.call_uuid, request.at_us, request.node, decision.account, data)
        for account, limit, used, of in decision.near:
            data = {"limit": limit, "used": str(used), "of": str(of)}
            once = f"{account}:{limit}"
            tell("near_limit", request.call_uuid, request.at_us, request.node, account, data, once, NEAR_AGAIN)


def _fault(error: Exception) -> Decision:
    text = printable(f"{type(error).__name__}: {error}")
    return refusal(
        Reason.CONTROLLER_FAULT, failed("controller", Reason.CONTROLLER_FAULT, "controller.fault", error=text)
    )
