"""The keys of accounts, endpoints and tariffs as options, with what --help says of each."""

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
    "media.relay": "true: the edge relays media.  边缘是否中继媒体",
    "media.srtp": "off or offered.  SRTP 加密",
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
_LISTS = frozenset({"blocked", "allowed", "codecs", "caller_ids.allowed", "tax.parts"})

ACCOUNT_KEYS = Keys("account", ACCOUNT, _LISTS)
ENDPOINT_KEYS = Keys("endpoint", ENDPOINT, _LISTS)
TARIFF_KEYS = Keys("tariff", TARIFF, _LISTS)
