"""The dialplan of a FreeSWITCH node: it brings calls to us, guarded, and answers 503 when no controller takes them."""

from __future__ import annotations

import re

from callctl.doctor.finding import Answer, Words, fail, ok, skip, warn
from callctl.doctor.switch import Asked
from callctl.settings import split_address

WILD = {"0.0.0.0", "::"}  # noqa: S104  compared with, not listened on
GIVES_503 = {"NETWORK_OUT_OF_ORDER", "NORMAL_TEMPORARY_FAILURE", "SWITCH_CONGESTION", "GATEWAY_DOWN"}  # sofia_glue.c


def dialplan(switch: Asked) -> Answer:
    """The context of the SIP profile brings calls to us, guarded, and answers 503 when no controller takes them."""
    context = switch.profile().get("Context")
    if context is None:
        return skip("not examined, as the SIP profile is not up", "SIP profile 未启动，未检查")
    found = switch.located(f"dialplan context name {context}")
    if found is None:
        return _no_context(switch, context)
    for extension in found.iter("extension"):
        actions = [(one.get("application", ""), one.get("data", "")) for one in extension.iter("action")]
        if any(application == "socket" for application, _ in actions):
            return _judge(switch, context, actions)
    return fail(
        f"no extension of context {context} has the application socket",
        f"context {context} 中没有使用 socket 应用的 extension",
        Words("Use freeswitch-conf/dialplan/callctl.xml.", "请使用 freeswitch-conf/dialplan/callctl.xml。"),
    )


def _no_context(switch: Asked, context: str) -> Answer:
    if switch.elsewhere():
        return skip(f"context {context} is not in its files", f"context {context} 不在其配置文件中")
    return fail(
        f"there is no dialplan context {context}, which the SIP profile names",
        f"SIP profile 指定的拨号计划 context {context} 不存在",
        Words(
            "Use freeswitch-conf/dialplan/callctl.xml, or correct the profile's context.",
            "请使用 freeswitch-conf/dialplan/callctl.xml，或改正 profile 的 context。",
        ),
    )


def _judge(switch: Asked, context: str, actions: list[tuple[str, str]]) -> Answer:
    """What is wrong with an extension that has a `socket`."""
    at = next(place for place, (application, _) in enumerate(actions) if application == "socket")
    words = actions[at][1].split()
    hosts, flags = words[0] if words else "", set(words[1:])
    if problem := _not_us(switch, hosts):
        return problem
    before = [f"{application} {data}" for application, data in actions[:at]]
    wrong: list[tuple[str, str]] = []
    if not {"async", "full"} <= flags:
        wrong.append(("socket without `async full`", "socket 缺少 async full"))
    if not any(re.match(r"sched_hangup \+\d+ ", action) for action in before):
        wrong.append(("no sched_hangup guard before socket", "socket 之前没有 sched_hangup 保护"))
    park = switch.number(r"set park_timeout=(\d+)", "\n".join(before))
    if 0 < park <= switch.settings.calls.ring_timeout:
        wrong.append((f"park_timeout {park} is shorter than ringing", f"park_timeout {park} 短于振铃时间"))
    if not any(_gives_503(application, data) for application, data in actions[at + 1 :]):
        wrong.append(("nothing after socket that answers 503", "socket 之后没有应答 503 的动作"))
    if not wrong:
        return _twice(hosts) or ok(
            f"context {context} brings calls to {hosts}", f"context {context} 将呼叫送往 {hosts}"
        )
    return fail(
        f"context {context}: {'; '.join(en for en, _ in wrong)}",
        f"context {context}：{'；'.join(zh for _, zh in wrong)}",
        Words("Make it as freeswitch-conf/dialplan/callctl.xml.", "请参照 freeswitch-conf/dialplan/callctl.xml 修改。"),
    )


def _not_us(switch: Asked, hosts: str) -> Answer | None:
    """What is wrong with the list of controllers, None when we are in it."""
    host, port = split_address(switch.settings.esl.listen)
    known = _controllers(hosts)
    if (host, port) in known or (host in WILD and port in [one for _, one in known]):
        return None
    mend = Words(
        f"Put {switch.settings.esl.listen} into the socket action's list (callctl_controllers), then `reloadxml`.",
        f"请将 {switch.settings.esl.listen} 加入 socket 动作的列表（callctl_controllers），然后执行 reloadxml。",
    )
    en, zh = f"calls are brought to {hosts}, not to {host}:{port}", f"呼叫被送往 {hosts}，而不是 {host}:{port}"
    return warn(en, zh, mend) if port in [one for _, one in known] else fail(en, zh, mend)


def _twice(hosts: str) -> Answer | None:
    """A controller that stands in the list twice is asked twice, and stands in for none."""
    known = _controllers(hosts)
    double = sorted({f"{host}:{port}" for host, port in known if known.count((host, port)) > 1})
    if not double:
        return None
    what = ", ".join(double)
    return warn(
        f"the list of controllers names one twice: {what}",
        f"控制器列表中重复：{what}",
        Words(
            "Name each controller once in callctl_controllers.", "请在 callctl_controllers 中让每个控制器只出现一次。"
        ),
    )


def _controllers(hosts: str) -> list[tuple[str, int]]:
    """Host and port of each; one without a port takes over that of the one before it (mod_event_socket.c)."""
    known = []
    last = 8084
    for text in hosts.split("|"):
        match = re.fullmatch(r"(.+?)(?::(\d+))?(?:/.*)?", text)
        if match:
            last = int(match[2] or last)
            known.append((match[1], last))
    return known


def _gives_503(application: str, data: str) -> bool:
    return (application == "respond" and data.startswith("503")) or (application == "hangup" and data in GIVES_503)
