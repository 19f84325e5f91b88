"""What people read, in English and Chinese: one table, one function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from callctl.model import Message

Lang = Literal["en", "zh"]

SENTENCES: Mapping[str, tuple[str, str]] = {
    # decision steps
    "identify.hop": ("node {source} sends call {call} on to this node", "节点 {source} 将呼叫 {call} 转到本节点"),
    "identify.edge": ("edge {edge} vouches for {endpoint} of account {account}", "边缘代理 {edge} 确认终端 {endpoint}，账户 {account}"),
    "identify.source": ("{source} is endpoint {endpoint} of account {account}", "{source} 是账户 {account} 的终端 {endpoint}"),
    "identify.unknown_aor": ("edge {edge} vouches for {aor}, which no account has", "边缘代理 {edge} 确认了 {aor}，但没有账户拥有它"),
    "identify.no_aor": ("edge {edge} sent no X-Callctl-Endpoint header: add it in the edge's configuration", "边缘代理 {edge} 没有发送 X-Callctl-Endpoint 头：请在其配置中添加"),
    "identify.unknown_source": ("{source} is neither an edge, nor a node, nor an endpoint's address", "{source} 既不是边缘代理或节点，也不是任何终端的地址"),
    "identify.no_prefix": ("{source} dials {called}, which has none of the prefixes of its endpoints in front: {prefixes}", "{source} 拨打 {called}，号码前没有其任何终端的前缀：{prefixes}"),
    "identify.carrier": ("{source} is carrier {carriers}", "{source} 是运营商 {carriers}"),
    "identify.closed_carrier": ("{source} is carrier {carrier}, which is closed", "{source} 是运营商 {carrier}，已关闭"),
    "did.unknown": ("carrier {carrier} calls {number}, which is no DID", "运营商 {carrier} 呼叫 {number}，它不是 DID"),
    "did.blocked": ("DID {number} is blocked", "DID {number} 已被禁用"),
    "did.expired": ("DID {number} has expired", "DID {number} 已过期"),
    "did.carrier": ("DID {number} is carrier {own}'s, and {carrier} brings the call", "DID {number} 属于运营商 {own}，而呼叫来自 {carrier}"),
    "did.found": ("carrier {carrier} brings a call to DID {number} of account {account}", "运营商 {carrier} 呼叫账户 {account} 的 DID {number}"),
    "emergency.found": ("{number} is an emergency number: it goes out by route {route}", "{number} 是紧急号码：按路由 {route} 呼出"),
    "emergency.unrouted": ("{number} is an emergency number, and route {route} leads to no carrier", "{number} 是紧急号码，但路由 {route} 没有可用的运营商"),
    "account.emergency": ("an emergency: nothing is asked of the account", "紧急呼叫：不检查账户"),
    "destination.outside": ("{number} is outside: route {route} of account {account}", "{number} 是外部号码：账户 {account} 的路由 {route}"),
    "destination.no_route": ("{number} is outside, and route {route} has no entry for it that holds now", "{number} 是外部号码，路由 {route} 此时没有适用的条目"),
    "destination.not_routed": ("{number} is outside, and route {route} has no carriers for prefix {prefix}", "{number} 是外部号码，路由 {route} 的前缀 {prefix} 没有运营商"),
    "carrier.chosen": ("{place}. carrier {carrier}: costs {cost}, gateways {gateways}", "{place}. 运营商 {carrier}：成本 {cost}，网关 {gateways}"),
    "carrier.quality": ("carrier {carrier} lately: of {calls} calls to {prefix} {asr} were answered and lasted {acd} s; it rings after {pdd} s", "运营商 {carrier} 近期：拨往 {prefix} 的 {calls} 个呼叫接通率 {asr}、平均 {acd} 秒，{pdd} 秒后振铃"),
    "carrier.closed": ("carrier {carrier} is left out: it is closed", "不用运营商 {carrier}：已关闭"),
    "carrier.no_gateway": ("carrier {carrier} is left out: it has no gateway", "不用运营商 {carrier}：没有网关"),
    "carrier.no_edge": ("carrier {carrier} is left out: no edge that is enabled leads to it", "不用运营商 {carrier}：没有启用的边缘代理通向它"),
    "carrier.no_password": ("carrier {carrier} is left out: {error}", "不用运营商 {carrier}：密码不可用（{error}）"),
    "carrier.no_codec": ("carrier {carrier} is left out: it takes {codecs}, none of which the call may use", "不用运营商 {carrier}：只接受 {codecs}，该呼叫都不能使用"),
    "carrier.no_tariff": ("carrier {carrier} is left out: it has no tariff, so nobody can say what it costs", "不用运营商 {carrier}：没有费率，无法得知成本"),
    "carrier.no_rate": ("carrier {carrier} is left out: its tariff has no rate for the number", "不用运营商 {carrier}：其费率中没有该号码"),
    "carrier.no_worth": ("carrier {carrier} is left out: `currencies` does not say what its currency or the caller's is worth", "不用运营商 {carrier}：`currencies` 中没有它或主叫的货币汇率"),
    "carrier.dearer": ("carrier {carrier} is left out: it costs {cost}, and {price} is paid", "不用运营商 {carrier}：成本 {cost}，而只付 {price}"),
    "carrier.poor": ("carrier {carrier} is left out: of {calls} calls {asr} were answered and lasted {acd} s, less than {least_asr} or {least_acd} s", "不用运营商 {carrier}：{calls} 个呼叫接通率 {asr}、平均 {acd} 秒，低于 {least_asr} 或 {least_acd} 秒"),
    "route.order": ("{number} by route {route}, prefix {prefix}, {choose}: {carriers}; {payer} pays {price} for {seconds} s", "{number} 按路由 {route}，前缀 {prefix}，{choose}：{carriers}；{payer} {seconds} 秒付 {price}"),
    "route.unpaid": ("{number} by route {route}, prefix {prefix}, {choose}: {carriers}; nobody pays for the {seconds} s that carriers are compared for", "{number} 按路由 {route}，前缀 {prefix}，{choose}：{carriers}；按 {seconds} 秒比较运营商，无人付费"),
    "route.nobody": ("route {route} is left with no carrier for {number}", "路由 {route} 没有可用于 {number} 的运营商"),
    "account.active": ("account {account} is active", "账户 {account} 已启用"),
    "account.closed": ("account {account} is not active", "账户 {account} 未启用"),
    "account.held": ("account {account} is blocked by an operator: {reference}", "账户 {account} 被操作员冻结：{reference}"),
    "account.hop": ("checked by the node that sent the call on", "已由转来呼叫的节点检查"),
    "numbers.rewritten": ("rewritten: {made}", "号码变换：{made}"),
    "numbers.as_they_are": ("no rule fits {called} (from {caller}); they stay as they are", "没有规则适用于 {called}（主叫 {caller}），保持原样"),
    "destination.unusable": ("called number {called} has a character that no number may have", "被叫号码 {called} 含有不允许的字符"),
    "destination.room": ("conference room {room}", "会议室 {room}"),
    "destination.bad_room": ("{called} is neither conf_ and digits nor a declared room", "{called} 既不是 conf_ 加数字，也不是已声明的会议室"),
    "destination.foreign_room": ("room {room} is of account {account} and of those below it", "会议室 {room} 属于账户 {account} 及其下级账户"),
    "destination.echo": ("the echo service", "回声测试服务"),
    "destination.extension": ("extension {called} of account {account} is {callee}", "账户 {account} 的分机 {called} 是 {callee}"),
    "destination.user": ("{callee} of account {account}", "账户 {account} 的 {callee}"),
    "destination.unknown": ("no extension {called} in account {account} and no user {called} at {domains}", "账户 {account} 中没有分机 {called}，{domains} 中也没有用户 {called}"),
    "caller_id.anonymous": ("no number is shown, as the policy says; the caller says {said}", "按策略不显示号码；主叫自称 {said}"),
    "caller_id.for_prefix": ("{shown} is shown, as calls to this prefix are; the caller says {said}", "按被叫前缀显示 {shown}；主叫自称 {said}"),
    "caller_id.forced": ("{shown} is shown, which is forced; the caller says {said}", "强制显示 {shown}；主叫自称 {said}"),
    "caller_id.allowed": ("{shown} is shown, which the caller says and may say", "显示主叫自称的 {shown}，策略允许"),
    "caller_id.not_allowed": ("{shown} is shown, as the caller may not say {said}", "主叫不得自称 {said}，显示 {shown}"),
    "destination.uri": ("SIP URI {uri}", "SIP 地址 {uri}"),
    "destination.bad_uri": ("{uri} is at {address}, which is not in [calls] uri_hosts", "{uri} 位于 {address}，不在 [calls] uri_hosts 中"),
    "destination.did": ("DID {number} of account {account} is ours: the call goes where it leads", "{number} 是账户 {account} 的 DID：呼叫转往其目的地"),
    "destination.always": ("{callee} sends all its calls on to {number}", "{callee} 将所有来电转接到 {number}"),
    "destination.dnd": ("{callee} is not to be disturbed", "{callee} 开启了免打扰"),
    "destination.loop": ("the call comes to {name} a second time", "呼叫再次来到 {name}"),
    "wish.always": ("all calls to {endpoint} are to go to {number}", "{endpoint} 的所有来电转接到 {number}"),
    "wish.busy": ("calls to {endpoint} are to go to {number} when it is busy", "{endpoint} 遇忙时转接到 {number}"),
    "wish.no_answer": ("calls to {endpoint} are to go to {number} when nobody answers", "{endpoint} 无应答时转接到 {number}"),
    "wish.not_registered": ("calls to {endpoint} are to go to {number} when it is not registered", "{endpoint} 未注册时转接到 {number}"),
    "wish.dnd": ("nobody is to disturb {endpoint}", "{endpoint} 开启免打扰"),
    "wish.no_always": ("calls to {endpoint} are not sent on any more, whatever it does", "取消 {endpoint} 的无条件转接"),
    "wish.no_busy": ("calls to {endpoint} are not sent on any more when it is busy", "取消 {endpoint} 的遇忙转接"),
    "wish.no_no_answer": ("calls to {endpoint} are not sent on any more when nobody answers", "取消 {endpoint} 的无应答转接"),
    "wish.no_not_registered": ("calls to {endpoint} are not sent on any more when it is not registered", "取消 {endpoint} 的未注册转接"),
    "wish.no_dnd": ("{endpoint} may be disturbed again", "{endpoint} 取消免打扰"),
    "wishes.kept": ("that counts for {endpoint} within seconds, until it says otherwise", "{endpoint} 的设置将在数秒内生效，直到再次更改"),
    "wishes.away": ("MySQL did not take it: {error}", "MySQL 没有接受：{error}"),
    "locate.tried": ("{name} was tried, and failed: {reason}", "{name} 已尝试，失败：{reason}"),
    "locate.uri": ("{uri} is called by no edge", "不经边缘代理直接呼叫 {uri}"),
    "barring.free": ("nothing bars {number} to {accounts}", "没有规则禁止 {accounts} 呼叫 {number}"),
    "barring.blocked": ("account {account} blocks prefix {prefix}, with which {number} begins", "账户 {account} 禁止前缀 {prefix}，{number} 以其开头"),
    "barring.not_allowed": ("account {account} allows {prefixes} only, and {number} begins with none of them", "账户 {account} 只允许 {prefixes}，{number} 不在其中"),
    "barring.premium": ("prefix {prefix} of {number} is that of premium numbers, which account {account} may not call", "{number} 的前缀 {prefix} 属于高额收费号码，账户 {account} 不得呼叫"),
    "charge.nobody": ("neither account {account} nor one above it has a tariff, so nobody pays", "账户 {account} 及其上级都没有费率表，因此无人付费"),
    "charge.rates": ("{number} costs (tariff, prefix, a minute): {rates}", "{number} 的费率（费率表、前缀、每分钟）：{rates}"),
    "charge.no_rate": ("account {account} has no price for {number}: {error}", "账户 {account} 没有 {number} 的价格：{error}"),
    "charge.no_tariff": ("account {account} pays by tariff {tariff}, which does not exist", "账户 {account} 使用的费率表 {tariff} 不存在"),
    "charge.cut_off": ("tariff {tariff} of account {account} cuts calls to prefix {prefix} off before their first second: its max_cost is less than their first increment", "账户 {account} 的费率表 {tariff} 在前缀 {prefix} 的首秒之前就切断呼叫：max_cost 低于首个计费单元"),
    "charge.dear": ("account {account} pays at most {most} a minute, and this is dearer: {rate}", "账户 {account} 每分钟最多 {most}，而该呼叫更贵：{rate}"),
    "charge.away": ("MySQL did not answer what the call costs: {error}", "MySQL 没有应答呼叫的费率：{error}"),
    "money.held": ("paid for {seconds} of at most {most} s; held of available (held by other calls, spent today): {accounts}", "已付 {seconds} 秒，最长 {most} 秒；本次冻结/可用（其他呼叫冻结，今日已用）：{accounts}"),
    "money.last": ("paid for {seconds} of at most {most} s, and there is no more; held of available (held by other calls, spent today): {accounts}", "只够 {seconds} 秒，最长 {most} 秒；本次冻结/可用（其他呼叫冻结，今日已用）：{accounts}"),
    "money.free": ("the first {seconds} s cost nothing, so no money is held", "前 {seconds} 秒免费，不冻结金额"),
    "money.none": ("account {account} has {available} {currency} available ({held} is held by other calls); the first increment costs {need}", "账户 {account} 可用 {available} {currency}（其他呼叫冻结 {held}）；第一个计费单元需要 {need}"),
    "money.day": ("account {account} has spent {spent} of {most} {currency} today ({held} is held by other calls); the first increment costs {need}", "账户 {account} 今日已用 {spent}，上限 {most} {currency}（其他呼叫冻结 {held}）；第一个计费单元需要 {need}"),
    "money.away": ("nobody could say whether there is money: {error}", "无法得知余额是否足够：{error}"),
    "codecs.common": ("caller offers {offered}; allowed {allowed}; used {common}", "主叫提供 {offered}；允许 {allowed}；使用 {common}"),
    "codecs.none": ("caller offers {offered}; allowed {allowed}; none in common", "主叫提供 {offered}；允许 {allowed}；没有共同的编解码"),
    "codecs.off": ("the codec check is off for {what}", "{what} 的编解码检查已关闭"),
    "codecs.no_sdp": ("the call came without SDP; FreeSWITCH negotiates", "呼叫没有携带 SDP，由 FreeSWITCH 协商"),
    "codecs.no_srtp": ("{endpoint} must encrypt its media, and offers none that are", "{endpoint} 必须加密媒体，但没有提供加密"),
    "codecs.bypass": ("media goes around FreeSWITCH, so both sides find their codecs themselves", "媒体不经过 FreeSWITCH，双方自行协商编解码"),
    "codecs.each": ("transcoding is allowed: caller offers {offered}; used {near} towards him, {far} towards the callee", "允许转码：主叫提供 {offered}；主叫侧使用 {near}，被叫侧使用 {far}"),
    "locate.found": ("{callee} has {contacts} contacts, at {edges}", "{callee} 有 {contacts} 个注册，位于 {edges}"),
    "locate.found_some": ("{callee} has {contacts} contacts, at {edges}; left out: {unusable}", "{callee} 有 {contacts} 个注册，位于 {edges}；未使用：{unusable}"),
    "locate.none": ("{callee} has no live registration", "{callee} 没有有效注册"),
    "locate.unusable": ("{callee} has {contacts} contacts, none at an edge that can be used: {unusable}", "{callee} 有 {contacts} 个注册，但没有可用的边缘代理：{unusable}"),
    "locate.away": ("the location database did not answer: {error}", "位置数据库没有应答：{error}"),
    "room.here": ("room {room} is held by this node {owner}", "会议室 {room} 由本节点 {owner} 持有"),
    "room.elsewhere": ("room {room} is held by node {owner}; the caller is sent there", "会议室 {room} 由节点 {owner} 持有，主叫将被转过去"),
    "room.moved": ("room {room} has moved to node {owner} meanwhile", "会议室 {room} 已迁移到节点 {owner}"),
    "room.unknown_owner": ("room {room} is held by node {owner}, which this controller does not know", "会议室 {room} 由节点 {owner} 持有，但本控制器不认识该节点"),
    "limits.free": ("room for this call: {used}", "有空余：{used}"),
    "limits.calls": ("{level} has no place for one more call: {used}", "{level} 的并发呼叫已满：{used}"),
    "limits.carriers": ("every carrier is full", "所有运营商都已满"),
    "limits.cps": ("{level} begins too many calls at once: {used}", "{level} 的新呼叫过快：{used}"),
    "limits.away": ("Redis did not answer, so limits are not enforced: {error}", "Redis 没有应答，未执行限制：{error}"),
    "directory.away": ("no configuration could be read yet", "尚未读到任何配置"),
    "spool.full": ("the spool folder has no room or cannot be written", "缓存目录空间不足或无法写入"),
    "controller.full": ("{held} calls are held, the most allowed", "已有 {held} 个呼叫，达到上限"),
    "controller.fault": ("callctl failed: {error}", "callctl 出错：{error}"),
}


def say(message: Message, lang: Lang) -> str:
    """The sentence of `message`; lists are joined by commas, an empty one reads "nothing"."""
    values = {name: _shown(value, lang) for name, value in message.values.items()}
    return SENTENCES[message.key][lang == "zh"].format_map(values)


def _shown(value: Any, lang: Lang) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) if value else ("无" if lang == "zh" else "nothing")
    return str(value)


def from_environment() -> Lang:
    """The language of the environment's locale; English for any but Chinese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
