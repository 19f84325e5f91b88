"""The keys of accounts, endpoints, tariffs and what lies outside as options, with what --help says of each."""

from __future__ import annotations

from collections.abc import Mapping

from callctl.cli.entry import Keys

_CODECS = "As PCMA,OPUS; without, those of the account, else the platform's.  编解码"
_LIMITS = {"limits.calls": "Calls at once.  并发呼叫数", "limits.cps": "Calls begun a second.  每秒新呼叫数"}
_NUMBERS = {
    "numbers.called": "Rules that rewrite the number called.  被叫号码变换规则",
    "numbers.caller": "Rules that rewrite the caller's number.  主叫号码变换规则",
    "caller_ids.allowed": "Numbers it may show, as 4420,44207946*.  允许显示的主叫号码",
    "caller_ids.forced": "The number always shown.  强制显示的主叫号码",
    "caller_ids.anonymous": "true: no number is shown.  不显示主叫号码",
}
_MEDIA = {
    "media.path": "switch, proxy or bypass: through FreeSWITCH, untouched, or around it.  媒体路径",
    "media.transcoding": "true or false.  是否转码",
    "media.order": "Whose order of codecs holds: caller or listed.  编解码顺序：以主叫或列表为准",
    "media.relay": "true: the edge relays media.  边缘是否中继媒体",
    "media.srtp": "off, offered or demanded.  SRTP 加密：关闭、提供或要求",
    "media.early_media": "passed or held.  早期媒体",
    "media.fax": "true: T.38 is passed through.  是否透传 T.38 传真",
}

ACCOUNT: Mapping[str, str] = {
    "status": "active, or closed: then it makes no calls.  active 启用，closed 关闭",
    "parent": "The account it belongs to, whose limits and tariff hold too.  上级账户",
    "mode": "prepaid, or postpaid with a credit limit.  prepaid 预付，postpaid 后付",
    "credit_limit": "How far a postpaid balance may fall below nothing.  后付账户的信用额度",
    "tariff": "By which it pays for calls; without one it does not.  费率",
    "tariff_in": "What calls to its DIDs cost it.  呼入费率",
    "currency": "As USD; without one, its tariff's.  货币",
    "timezone": "As Asia/Shanghai, for rates by the hour and limits by the day.  时区",
    "routes": "By which it calls outside; without, it does not.  外呼路由",
    **_LIMITS,
    "limits.spend_per_day": "Money a day.  每日消费上限",
    "limits.price_per_minute": "The most a minute may cost.  每分钟最高单价",
    "max_duration": "Seconds a call may last.  最长通话秒数",
    "blocked": "Prefixes it may not call, as 1900,44.  禁止的号码前缀",
    "allowed": "The only prefixes it may call.  只允许的号码前缀",
    "premium": "true: it may call premium numbers.  是否可呼叫高额收费号码",
    "codecs": _CODECS,
    "codec_check": "false: leave codecs to FreeSWITCH.  是否检查编解码",
    **_NUMBERS,
    **_MEDIA,
}
ENDPOINT: Mapping[str, str] = {
    "account": "Whose it is.  所属账户",
    "extension": "Its short number within the account.  分机号",
    "caller_id": "The number that others see.  主叫号码",
    "codecs": _CODECS,
    **_LIMITS,
    "dnd": "true: do not disturb.  免打扰",
    "ha1": "MD5 of USER:DOMAIN:PASSWORD; see `endpoint password`.  用户:域名:密码 的 MD5，见 `endpoint password`",
    "forward.always": "Where its calls go instead.  无条件转接",
    "forward.busy": "Where they go when it is busy.  遇忙转接",
    "forward.no_answer": "Where they go when nobody answers.  无应答转接",
    "forward.not_registered": "Where they go when it is not registered.  未注册转接",
    **_NUMBERS,
    **_MEDIA,
}
TARIFF: Mapping[str, str] = {
    "currency": "As USD.  货币",
    "rounding.method": "up, down or half-up: how a price becomes money, once, at the end.  舍入方式",
    "rounding.decimals": "To so many decimals.  小数位数",
    "tax.mode": "exclusive: on top of the rates; inclusive: contained in them.  税外加或内含",
    "tax.parts": "Per cent, up to three, as 10,2.5.  税率百分比",
}
CARRIER: Mapping[str, str] = {
    "status": "active, or closed: then it is offered no calls.  active 启用，closed 关闭",
    "gateways": "Its addresses, as 198.51.100.1:5060,[2001:db8::1]:5060; weights and priorities in files.  网关",
    "tariff": "What its calls cost us.  成本费率",
    "currency": "As USD; without one, its tariff's.  货币",
    "timezone": "As Asia/Shanghai, for rates by the hour.  时区",
    **_LIMITS,
    "codecs": "Those it takes, as PCMA,G729; without, any.  编解码",
    "caller_id": "The header that tells it who calls: pai, rpid or none.  主叫号码头域",
    "sources": "Networks its calls come from, beside its gateways, as 198.51.100.0/29.  来源网段",
    "via": "edge, or direct: straight from FreeSWITCH.  edge 经边缘代理，direct 直连",
    "edges": "Those its calls go out by; without, any.  出局边缘代理",
    "username": "With which it is to be convinced.  认证用户名",
    "password_file": "Where each controller has the password.  密码文件",
    "ring_timeout": "Seconds it may ring.  振铃秒数",
    "progress_timeout": "Seconds until it must have said that it rings.  振铃前的最长秒数",
    "outgoing.called": "Rules that rewrite the number called as it wants it.  去话被叫号码变换规则",
    "outgoing.caller": "Rules that rewrite the caller's number as it wants it.  去话主叫号码变换规则",
    "incoming.called": "Rules that rewrite the number called as it says it.  来话被叫号码变换规则",
    "incoming.caller": "Rules that rewrite the caller's number as it says it.  来话主叫号码变换规则",
    **_MEDIA,
}
ROUTE: Mapping[str, str] = {
    "timezone": "As Asia/Shanghai, for entries by the hour.  时区",
    "budget": "Seconds that all attempts of a call may take.  所有尝试的总秒数",
    "expected_seconds": "The talk for which carriers' prices are compared.  比较价格的通话秒数",
    "next_on": "SIP statuses and causes after which the next carrier is tried, as 503,USER_BUSY.  换下一运营商的原因",
}
DID: Mapping[str, str] = {
    "account": "Whose it is.  所属账户",
    "to": "Where its calls go, in order, as endpoint:1001,room:sales,number:442079460000,sip:a@b.example.  去向",
    "status": "active, or blocked: then its calls are refused.  active 启用，blocked 停用",
    "expires": "Until when it is the account's, as 2027-01-01T00:00:00Z.  到期时间",
    "carrier": "The only one it may come from.  只接受的运营商",
    "calls": "Calls at once.  并发呼叫数",
    "tariff": "What calls to it cost its account.  呼入费率",
    "numbers.called": "Rules that rewrite the number called.  被叫号码变换规则",
    "numbers.caller": "Rules that rewrite the caller's number.  主叫号码变换规则",
}
_LISTS = frozenset({
    "blocked", "allowed", "codecs", "caller_ids.allowed", "tax.parts", "gateways", "sources", "edges", "next_on", "to",
})  # fmt: skip

ACCOUNT_KEYS = Keys("account", ACCOUNT, _LISTS)
ENDPOINT_KEYS = Keys("endpoint", ENDPOINT, _LISTS)
TARIFF_KEYS = Keys("tariff", TARIFF, _LISTS)
CARRIER_KEYS = Keys("carrier", CARRIER, _LISTS)
ROUTE_KEYS = Keys("route", ROUTE, _LISTS)
DID_KEYS = Keys("did", DID, _LISTS)
