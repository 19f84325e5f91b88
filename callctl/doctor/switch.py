"""What a FreeSWITCH node says of itself over its event socket."""

from __future__ import annotations

import re
import time
from typing import NamedTuple
from xml.etree import ElementTree

from callctl.doctor.finding import Answer, Words, clock, fail, ok, skip, warn
from callctl.errors import CommandFailed
from callctl.esl.feed import Feed
from callctl.settings import Node, Settings

MODULES = ("mod_sofia", "mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_conference")
CODEC_MODULES = {"OPUS": ("mod_opus",), "G722": ("mod_spandsp",), "G729": ("mod_g729", "mod_bcg729", "mod_com_g729")}
DEFAULT_SPS = 30  # FreeSWITCH's own limit of new sessions a second, where none is set


class Asked(NamedTuple):
    """A node that answers."""

    feed: Feed
    node: Node
    settings: Settings

    def profile(self) -> dict[str, str]:
        """What `sofia status profile` says, by its labels; empty when the profile is not up."""
        rows = re.findall(r"^(\S[^\t\n]*?)\s*\t(.*)$", self.feed.api(f"sofia status profile {self.node.profile}"), re.M)
        return {label: value.strip() for label, value in rows}

    def located(self, what: str) -> ElementTree.Element | None:
        """A part of its configuration, as `xml_locate` finds it; None where it is not in its files."""
        try:
            # From the switch that we trust with every call; it has resolved entities and includes itself.
            return ElementTree.fromstring(self.feed.api(f"xml_locate {what}"))  # noqa: S314
        except ElementTree.ParseError:
            return None

    def elsewhere(self) -> bool:
        """Whether its configuration may come from elsewhere than its files."""
        return any(has(self, module) for module in ("mod_xml_curl", "mod_lua"))

    def number(self, pattern: str, text: str) -> int:
        """The first number of `pattern` in `text`, 0 where it is not there."""
        found = re.search(pattern, text)
        return int(found[1]) if found else 0


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
    missing = ", ".join(module for module in MODULES if not has(switch, module))
    if not missing:
        return ok("the needed modules are loaded", "所需模块均已加载")
    mend = Words("Load it in modules.conf.xml.", "请在 modules.conf.xml 中加载。")
    return fail(f"not loaded: {missing}", f"未加载：{missing}", mend)


def codecs(switch: Asked) -> Answer:
    """A codec without its module is never negotiated."""
    wanted = [codec for codec in switch.settings.calls.codecs if codec.upper() in CODEC_MODULES]
    missing = [codec for codec in wanted if not any(has(switch, one) for one in CODEC_MODULES[codec.upper()])]
    if not missing:
        return ok("the modules of [calls] codecs are loaded", "[calls] codecs 的模块均已加载")
    load = ", ".join(CODEC_MODULES[codec.upper()][0] for codec in missing)
    what = ", ".join(missing)
    mend = Words(f"Load {load} in modules.conf.xml.", f"请在 modules.conf.xml 中加载 {load}。")
    return warn(f"no module for codec {what}", f"编解码 {what} 没有对应模块", mend)


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


def has(switch: Asked, module: str) -> bool:
    """Whether a module is loaded."""
    return switch.feed.api(f"module_exists {module}") == "true"
