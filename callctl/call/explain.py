"""A decision told to a person: the same words for a dry run, for a call that happened and for a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callctl.call import facts
from callctl.case import Decision
from callctl.language import Lang, say
from callctl.model import CallRequest, Message
from callctl.plan import Outbound, Reject
from callctl.reason import BY_NAME


def told(decision: Decision, lang: Lang) -> dict[str, Any]:
    """A decision as `callctl explain --json` gives it."""
    plan = decision.plan
    reason = plan.reason if isinstance(plan, Reject) else None
    return {
        "outcome": facts.outcome_name(decision),
        "reason": reason.machine_name if reason else None,
        "mend": reason.sentence(lang) if reason else None,
        "sip": reason.sip if reason else None,
        "q850": reason.q850 if reason else None,
        "kind": decision.kind,
        "account": decision.account or None,
        "endpoint": decision.endpoint or None,
        "emergency": decision.emergency,
        "outside": (plan.number or None) if isinstance(plan, Outbound) else None,
        "max_seconds": decision.max_seconds,
        "paid_seconds": decision.paid_seconds,
        "codecs": list(decision.codecs),
        "targets": facts.targets(decision),
        "steps": [
            {"check": step.check, "verdict": step.verdict, "detail": say(step.message, lang)} for step in decision.steps
        ],
    }


def told_from_trace(trace: Mapping[str, Any], lang: Lang) -> list[dict[str, Any]]:
    """The steps of a recorded trace, in any language."""
    return [
        {
            "check": step["check"],
            "verdict": step["verdict"],
            "detail": say(Message(step["key"], step["values"]), lang),
        }
        for step in trace.get("steps", ())
    ]


def mend(reason: str | None, lang: Lang) -> str | None:
    """What to change, of a recorded reason."""
    known = BY_NAME.get(reason or "")
    return known.sentence(lang) if known else None


def imagined(
    called: str, caller: str, source_ip: str, domain: str, codecs: tuple[str, ...], at_us: int
) -> CallRequest:
    """The request of a call that nobody made, for a dry run."""
    return CallRequest(
        call_uuid="explain",
        node="explain",
        caller=caller,
        caller_name="",
        called=called,
        called_raw=called,
        domain=domain,
        asserted="",
        source_ip=source_ip,
        sip_call_id="",
        sdp=_sdp(codecs),
        hop="",
        started_us=at_us,
        at_us=at_us,
        sequence=0,
    )


def _sdp(codecs: tuple[str, ...]) -> str:
    """An offer of these codecs, with dynamic payloads for all of them."""
    if not codecs:
        return ""
    payloads = range(96, 96 + len(codecs))
    lines = [f"m=audio 40000 RTP/AVP {' '.join(map(str, payloads))}"]
    lines += [f"a=rtpmap:{payload} {codec}/8000" for payload, codec in zip(payloads, codecs, strict=True)]
    return "\r\n".join(lines)
