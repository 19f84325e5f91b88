"""The SIP profile of a FreeSWITCH node: up where the settings say, open to edges and other nodes, shut to others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from callctl.doctor.finding import Answer, Words, fail, ok, skip, warn
from callctl.doctor.mysql import opened
from callctl.doctor.switch import Asked
from callctl.errors import StoreError
from callctl.settings import split_address

# What freeswitch-conf sets and a node must not have otherwise: what happens else.
DANGEROUS = {
    ("auth-messages", "false"): ("a SIP MESSAGE to `api+...` runs commands", "发往 api+... 的 SIP MESSAGE 会执行命令"),
    ("accept-blind-auth", "true"): ("any password is accepted", "接受任意密码"),
    ("accept-blind-reg", "true"): ("anybody may register", "任何人都可注册"),
}
WANTED = {
    "inbound-late-negotiation": ("codecs are settled before callctl sees a call", "callctl 处理前编解码已确定"),
    "disable-transfer": ("a REFER moves calls past callctl", "REFER 会绕过 callctl 转移呼叫"),
}
GLOBALS = {
    "outbound_redirect_fatal": ("a phone's 302 chooses where it calls", "话机的 302 可决定其呼叫去向"),
    "sip_ignore_remote_cause": (
        "callers hear the callee's cause, not callctl's",
        "主叫收到的是被叫的原因而非 callctl 的",
    ),
    "sip_disable_recording": ("a phone's `Record: on` writes files", "话机的 Record: on 会写文件"),
}


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


# Calls that no controller took are recorded as well, by the node's feed.
_RECORDED = (
    "SELECT COUNT(controller) FROM (SELECT node, controller FROM cdr ORDER BY seq DESC LIMIT 2000) AS latest"
    " WHERE node = %s"
)


def peers(switch: Asked) -> Answer:
    """Calls of every edge and of the other nodes are let in, and there is a list that says so."""
    parameters = _parameters(switch)
    if parameters is None:
        return _not_in_files()
    lists = parameters.get("apply-inbound-acl", [])
    if not lists:
        return fail(
            "its SIP profile has no apply-inbound-acl: whoever reaches it may call, or edges are asked for a password",
            "其 SIP profile 没有 apply-inbound-acl：能到达它的任何人都可呼叫，或边缘代理会被要求认证",
            Words(
                "Set apply-inbound-acl as freeswitch-conf/sip_profiles/internal.xml has it.",
                "请参照 freeswitch-conf/sip_profiles/internal.xml 设置 apply-inbound-acl。",
            ),
        )
    out = [
        f"{name} ({address})"
        for name, address in _neighbours(switch)
        if not any(switch.feed.api(f"acl {address} {one}").startswith("true") for one in lists)
    ]
    if not out:
        return ok("it lets calls of every edge and node in", "允许所有边缘代理与节点的呼叫")
    what, listed = ", ".join(out), ", ".join(lists)
    return fail(
        f"its ACL {listed} refuses calls of {what}",
        f"其 ACL {listed} 拒绝以下来源的呼叫：{what}",
        Words(
            "Add the address to callctl_peers (FREESWITCH_PEERS) or that list, then `reloadacl`.",
            "请将该地址加入 callctl_peers（FREESWITCH_PEERS）或该列表，然后执行 reloadacl。",
        ),
    )


def guards(switch: Asked) -> Answer:
    """What keeps callers from commanding the node, and calls from leaving callctl."""
    parameters = _parameters(switch)
    if parameters is None:
        return _not_in_files()
    bad = [(f"{key}={value}: {en}", f"{key}={value}：{zh}") for (key, value), (en, zh) in DANGEROUS.items()
           if value in parameters.get(key, [])]  # fmt: skip
    lacking = [
        (f"{key} is not true: {en}", f"{key} 不为 true：{zh}")
        for key, (en, zh) in WANTED.items()
        if "true" not in parameters.get(key, [])
    ]
    lacking += [
        (f"{key} is not true: {en}", f"{key} 不为 true：{zh}")
        for key, (en, zh) in GLOBALS.items()
        if switch.feed.api(f"global_getvar {key}") != "true"
    ]
    if not bad and not lacking:
        return ok("its profile is guarded as freeswitch-conf has it", "profile 的防护与 freeswitch-conf 一致")
    mend = Words(
        "Make it as freeswitch-conf/sip_profiles/internal.xml, then restart the profile.",
        "请参照 freeswitch-conf/sip_profiles/internal.xml 修改，然后重启该 profile。",
    )
    say = fail if bad else warn
    return say("; ".join(en for en, _ in bad + lacking), "；".join(zh for _, zh in bad + lacking), mend)


def arrivals(switch: Asked) -> Answer:
    """Its calls reach a controller: that is seen from there only, by what became of them."""
    status = switch.profile()
    came, lost = (int(status.get(label, "0") or 0) for label in ("CALLS-IN", "FAILED-CALLS-IN"))
    if not came or lost < came:
        return ok(
            f"{came} calls came since it started, {lost} failed", f"启动以来来话 {came} 个，失败 {lost} 个"
        )
    try:
        with opened(switch.settings.mysql) as pool:
            recorded = pool.rows(_RECORDED, (switch.node.name,))[0][0]
    except StoreError:
        return skip("not examined, as MySQL did not tell what was recorded", "无法从 MySQL 查询记录，未检查")
    if recorded:
        return ok(f"all of its {came} calls were refused by callctl", f"其 {came} 个来话均被 callctl 拒绝")
    return fail(
        f"none of its {came} calls reached a controller",
        f"其 {came} 个来话均未到达控制器",
        Words(
            "See FreeSWITCH's log for `Socket Error!`: let its address through to [esl] listen of each controller "
            "(deploy/nftables/controller.nft), and see that callctl serve runs.",
            "请查看 FreeSWITCH 日志中的 Socket Error!：在防火墙放行其到各控制器 [esl] listen 的连接"
            "（deploy/nftables/controller.nft），并确认 callctl serve 正在运行。",
        ),
    )


def rooms(switch: Asked) -> Answer:
    """The profile of conferences that calls name is there."""
    wanted = switch.settings.calls.conference_profile
    found = switch.located("configuration configuration name conference.conf")
    if found is None:
        return _not_in_files()
    names = [profile.get("name") for profile in found.iter("profile")]
    if wanted in names:
        return ok(f"conference profile {wanted} is there", f"会议 profile {wanted} 存在")
    return fail(
        f"there is no conference profile {wanted}: nobody can enter a room",
        f"会议 profile {wanted} 不存在：无法进入会议室",
        Words(
            "Add it to conference.conf.xml, or correct [calls] conference_profile.",
            "请将其加入 conference.conf.xml，或改正 [calls] conference_profile。",
        ),
    )


def _parameters(switch: Asked) -> dict[str, list[str]] | None:
    """The settings of its SIP profile, each with its values; None where they are not in its files."""
    found = switch.located("configuration configuration name sofia.conf")
    for one in () if found is None else found.iter("profile"):
        if one.get("name") == switch.node.profile:
            values: dict[str, list[str]] = {}
            for parameter in one.iter("param"):
                values.setdefault(parameter.get("name", ""), []).append(parameter.get("value", ""))
            return values
    return None


def _not_in_files() -> Answer:
    return skip("not examined, as it is not in the node's files", "不在节点的配置文件中，未检查")


def _neighbours(switch: Asked) -> Iterator[tuple[str, str]]:
    """Whose calls come to it, each with the address they come from, where that is known."""
    for edge in switch.settings.edges:
        if edge.enabled:
            single = [str(network.network_address) for network in edge.sources if network.num_addresses == 1]
            for host in single or [split_address(edge.address)[0]]:
                if _is_ip(host):
                    yield edge.name, host
    for node in switch.settings.nodes:
        if node.name != switch.node.name and _is_ip(host := split_address(node.sip)[0]):
            yield node.name, host


def _is_ip(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
