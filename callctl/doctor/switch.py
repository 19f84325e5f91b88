"""A FreeSWITCH node, asked over its event socket."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree import ElementTree

import gevent

from callctl.doctor.finding import Answer, Room, Words, clock, fail, ok, skip, warn
from callctl.errors import CommandFailed
from callctl.esl.feed import Feed
from callctl.settings import Node, Settings, split_address

MODULES = ("mod_sofia", "mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_conference")
CODEC_MODULES = {"OPUS": ("mod_opus",), "G722": ("mod_spandsp",), "G729": ("mod_g729", "mod_bcg729", "mod_com_g729")}
DEFAULT_SPS = 30  # FreeSWITCH's own limit of new sessions a second, where none is set
WILD = {"0.0.0.0", "::"}  # noqa: S104  compared with, not listened on
GIVES_503 = {"NETWORK_OUT_OF_ORDER", "NORMAL_TEMPORARY_FAILURE", "SWITCH_CONGESTION", "GATEWAY_DOWN"}  # sofia_glue.c


class Asked(NamedTuple):
    """A node that answers."""

    feed: Feed
    node: Node
    settings: Settings

    def profile(self) -> dict[str, str]:
        """What `sofia status profile` says, by its labels; empty when the profile is not up."""
        rows = re.findall(r"^(\S[^\t\n]*?)\s*\t(.*)$", self.feed.api(f"sofia status profile {self.node.profile}"), re.M)
        return {label: value.strip() for label, value in rows}

    def number(self, pattern: str, text: str) -> int:
        """The first number of `pattern` in `text`, 0 where it is not there."""
        found = re.search(pattern, text)
        return int(found[1]) if found else 0


def room(node: Node, settings: Settings) -> Room[Asked]:
    """The checks of one node."""
    return Room(
        "switch",
        _open(node, settings),
        (name, ready, time_of_day, modules, codecs, profile, limits, expansion, dialplan),
        where=Words(f"its event socket answers at {node.esl}", f"其事件套接字在 {node.esl} 应答"),
        mend="请确认 FreeSWITCH 正在运行，mod_event_socket 在该地址监听，ACL 允许本机，且密码一致。",
        about=node.name,
    )


@contextmanager
def _open(node: Node, settings: Settings) -> Iterator[Asked]:
    feed = Feed(node, settings.esl.command_timeout)
    reader = gevent.Greenlet(feed.drain)
    try:
        feed.connect()
        reader.start()
        feed.api("status")  # one that logs us in and then hangs is not reached
        yield Asked(feed, node, settings)
    finally:
        feed.stop()
        reader.kill()


def name(switch: Asked) -> Answer:
    """Calls are known by the switchname they come with."""
    said = switch.feed.api("switchname")
    if said == switch.node.name:
        return ok(f"its switchname is {said}", f"其 switchname 为 {said}")
    return fail(
        f"it calls itself {said}, and the settings call it {switch.node.name}",
        f"其 switchname 为 {said}，而配置中为 {switch.node.name}",
        Words(
            f"Set [[nodes]] name to {said}, or switchname in switch.conf.xml to {switch.node.name}.",
            f"请将 [[nodes]] name 设为 {said}，或将 switch.conf.xml 的 switchname 设为 {switch.node.name}。",
        ),
    )


def ready(switch: Asked) -> Answer:
    """It takes calls."""
    text = switch.feed.api("status")
    version = re.search(r"\(Version (\S+)", text)
    if "is ready" in text:
        return ok(f"ready, version {version[1] if version else '?'}", f"就绪，版本 {version[1] if version else '?'}")
    mend = Words("`fsctl resume`, or let its start or shutdown end.", "请执行 fsctl resume，或等待其启动/关闭完成。")
    return fail("it is not ready to take calls", "未就绪，不接受呼叫", mend)


def time_of_day(switch: Asked) -> Answer:
    """Durations and starts of calls are told by its clock."""
    before = time.time()
    text = switch.feed.api("strmicroepoch")
    after = time.time()
    mend = Words(
        "Let both hosts keep time by NTP; if FreeSWITCH alone is off, `fsctl sync_clock`.",
        "请让两台主机都使用 NTP 校时；若仅 FreeSWITCH 有偏差，请执行 fsctl sync_clock。",
    )
    return clock(int(text) / 1e6 - (before + after) / 2, (after - before) / 2, mend)


def modules(switch: Asked) -> Answer:
    """What calls use is loaded."""
    missing = ", ".join(module for module in MODULES if not _has(switch, module))
    if not missing:
        return ok("the needed modules are loaded", "所需模块均已加载")
    mend = Words("Load it in modules.conf.xml.", "请在 modules.conf.xml 中加载。")
    return fail(f"not loaded: {missing}", f"未加载：{missing}", mend)


def codecs(switch: Asked) -> Answer:
    """A codec without its module is never negotiated."""
    wanted = [codec for codec in switch.settings.calls.codecs if codec.upper() in CODEC_MODULES]
    missing = [codec for codec in wanted if not any(_has(switch, one) for one in CODEC_MODULES[codec.upper()])]
    if not missing:
        return ok("the modules of [calls] codecs are loaded", "[calls] codecs 的模块均已加载")
    load = ", ".join(CODEC_MODULES[codec.upper()][0] for codec in missing)
    what = ", ".join(missing)
    mend = Words(f"Load {load} in modules.conf.xml.", f"请在 modules.conf.xml 中加载 {load}。")
    return warn(f"no module for codec {what}", f"编解码 {what} 没有对应模块", mend)


def profile(switch: Asked) -> Answer:
    """The SIP profile that calls come and go by is up, where the settings say it is."""
    status, node = switch.profile(), switch.node
    if not status.get("URL"):
        mend = Words(
            f"Correct [[nodes]] profile, or see FreeSWITCH's log why {node.profile} did not start (its port in use?).",
            f"请改正 [[nodes]] profile，或查看 FreeSWITCH 日志中 {node.profile} 未启动的原因（端口被占用？）。",
        )
        return fail(f"SIP profile {node.profile} is not up", f"SIP profile {node.profile} 未启动", mend)
    own = re.split(r"[@;]", status["URL"])[1]
    if own != node.sip:
        mend = Words(
            f"Set [[nodes]] sip to {own}, unless an address translation leads {node.sip} there.",
            f"请将 [[nodes]] sip 设为 {own}，除非有地址转换将 {node.sip} 指向它。",
        )
        return warn(
            f"profile {node.profile} is at {own}, and the settings say {node.sip}",
            f"profile {node.profile} 位于 {own}，而配置为 {node.sip}",
            mend,
        )
    return ok(f"SIP profile {node.profile} is up at {own}", f"SIP profile {node.profile} 运行于 {own}")


def limits(switch: Asked) -> Answer:
    """Its own limits leave room; above them it refuses calls that callctl would take."""
    text = switch.feed.api("status")
    most, now = switch.number(r"(\d+) session\(s\) max", text), switch.number(r"(\d+) session\(s\) - peak", text)
    rate, peak = switch.number(r"out of max (\d+)", text), switch.number(r"out of max \d+, peak (\d+)", text)
    en = f"{now} of {most} sessions (a bridged call is two), {rate} new ones a second"
    zh = f"会话 {now}/{most}（一次接通的呼叫占两个），每秒最多新建 {rate} 个"
    if now > 0.8 * most:
        mend = Words(
            "Raise max-sessions in switch.conf.xml, or add a node.",
            "请增大 switch.conf.xml 的 max-sessions，或增加节点。",
        )
        return warn(f"nearly full: {en}", f"接近上限：{zh}", mend)
    if peak >= rate or rate <= DEFAULT_SPS:
        mend = Words("Raise sessions-per-second in switch.conf.xml.", "请增大 switch.conf.xml 的 sessions-per-second。")
        return warn(f"few new calls a second: {en}; peak {peak}", f"每秒新呼叫上限偏低：{zh}；峰值 {peak}", mend)
    return ok(en, zh)


def expansion(switch: Asked) -> Answer:
    """Text that reaches an application must not run API commands, `${system(...)}` among them."""
    try:
        said = switch.feed.api("fsctl api_expansion")
    except CommandFailed:
        return skip("this FreeSWITCH does not tell", "该 FreeSWITCH 不提供此信息")
    if said.endswith("off"):
        return ok("api-expansion is off", "api-expansion 已关闭")
    mend = Words(
        'Set <param name="api-expansion" value="false"/> in switch.conf.xml.',
        '请在 switch.conf.xml 中设置 <param name="api-expansion" value="false"/>。',
    )
    return warn(
        "api-expansion is on: a caller's text could run commands", "api-expansion 开启：主叫文本可能执行命令", mend
    )


def dialplan(switch: Asked) -> Answer:
    """The context of the SIP profile brings calls to us, guarded, and answers 503 when no controller takes them."""
    context = switch.profile().get("Context")
    if context is None:
        return skip("not examined, as the SIP profile is not up", "SIP profile 未启动，未检查")
    try:
        # From the switch that we trust with every call; it has resolved entities and includes itself.
        found = ElementTree.fromstring(switch.feed.api(f"xml_locate dialplan context name {context}"))  # noqa: S314
    except ElementTree.ParseError:
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
    if any(_has(switch, module) for module in ("mod_xml_curl", "mod_lua")):
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
        return ok(f"context {context} brings calls to {hosts}", f"context {context} 将呼叫送往 {hosts}")
    return fail(
        f"context {context}: {'; '.join(en for en, _ in wrong)}",
        f"context {context}：{'；'.join(zh for _, zh in wrong)}",
        Words("Make it as freeswitch-conf/dialplan/callctl.xml.", "请参照 freeswitch-conf/dialplan/callctl.xml 修改。"),
    )


def _not_us(switch: Asked, hosts: str) -> Answer | None:
    """What is wrong with the list of controllers, None when we are in it."""
    host, port = split_address(switch.settings.esl.listen)
    known = []
    last = 8084
    for text in hosts.split("|"):
        # A host without a port takes over the port of the one before it (mod_event_socket.c).
        match = re.fullmatch(r"(.+?)(?::(\d+))?(?:/.*)?", text)
        if match:
            last = int(match[2] or last)
            known.append((match[1], last))
    if (host, port) in known or (host in WILD and port in [one for _, one in known]):
        return None
    mend = Words(
        f"Put {switch.settings.esl.listen} into the socket action's list (callctl_controllers), then `reloadxml`.",
        f"请将 {switch.settings.esl.listen} 加入 socket 动作的列表（callctl_controllers），然后执行 reloadxml。",
    )
    en, zh = f"calls are brought to {hosts}, not to {host}:{port}", f"呼叫被送往 {hosts}，而不是 {host}:{port}"
    return warn(en, zh, mend) if port in [one for _, one in known] else fail(en, zh, mend)


def _gives_503(application: str, data: str) -> bool:
    return (application == "respond" and data.startswith("503")) or (application == "hangup" and data in GIVES_503)


def _has(switch: Asked, module: str) -> bool:
    return switch.feed.api(f"module_exists {module}") == "true"
