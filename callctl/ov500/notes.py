"""What an import changed, and what has no counterpart: one table of sentences in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from callctl.language import Lang

# CHANGED is imported, but not as it was; LEFT is not imported.
CHANGED, LEFT = "changed", "left"
SENTENCES: Mapping[str, tuple[str, str, str]] = {
    "renamed": (CHANGED, "names that are not allowed here became others", "不允许的名称已更改"),
    "currency.code": (CHANGED, "currencies have three letters here; see that these are the right ones", "货币代码改为三个字母，请核对"),
    "currency.worth": (CHANGED, "conversion ratios are turned round: what one unit is worth in the base currency", "汇率已取倒数：一个单位折合多少基准货币"),
    "tariff.variant": (CHANGED, "tax and rounding belong to tariffs here, so a tariff whose users differ in them is there more than once", "此处税率与取整属于费率表，用户设置不同的费率表被拆成多份"),
    "tariff.gap": (CHANGED, "at hours without a rate OV500 refused calls; the rate before them goes on here", "OV500 在没有费率的时段拒绝呼叫，此处沿用之前的费率"),
    "tariff.map_off": (CHANGED, "ratecards that are switched off in the tariff, which OV500 charges by all the same; remove their rates if they should not count", "费率表中已停用的费率卡，OV500 仍按其计费，故保留"),
    "tariff.unusable": (CHANGED, "no rates that OV500 would use, so calls to the outside are refused here as there", "没有 OV500 可用的费率，外呼与原来一样被拒绝"),
    "rate.cut": (CHANGED, "rates with more than 10 decimals, or destinations longer than 100 characters or with some that cannot be printed, are cut", "超过 10 位小数的费率、过长或含不可见字符的目的地名称已截短"),
    "rate.blocked": (CHANGED, "blocked rates became prefixes that the accounts may not call", "被禁止的费率变成账户的禁拨前缀"),
    "money.mode": (CHANGED, "accounts with a credit limit are postpaid here, whatever their billing type", "有信用额度的账户在此为后付费，不论其计费类型"),
    "money.credit": (CHANGED, "credit limits below nothing became 0", "负的信用额度改为 0"),
    "account.closed": (CHANGED, "accounts that are not active, or have no tariff or currency, so that OV500 refuses their calls: closed", "未启用、没有费率表或货币的账户，OV500 拒绝其呼叫：已关闭"),
    "account.parent": (CHANGED, "parents that are not there, or go in a circle: left away", "上级账户不存在或循环：已去掉"),
    "account.incoming": (CHANGED, "accounts with DIDs and without rates for incoming calls: those calls are refused, as in OV500", "有 DID 但没有来话费率的账户：来话与原来一样被拒绝"),
    "account.duration": (CHANGED, "calls last two hours at most, as in OV500", "通话最长两小时，与 OV500 相同"),
    "number.barred": (CHANGED, "patterns that are not allowed became prefixes that the account may not call", "禁止的号码规则变成账户的禁拨前缀"),
    "number.length": (CHANGED, "rules for numbers of one length: others get the next rule here, in OV500 they are refused", "限定长度的规则：长度不符时此处用下一条规则，OV500 则拒绝"),
    "number.unmatched": (CHANGED, "numbers that no rule fits stay as they are here; OV500 refuses them", "没有规则匹配的号码在此保持不变，OV500 则拒绝"),
    "carrier.incoming": (CHANGED, "rules for called numbers of incoming calls act here; in OV500 they do nothing", "来话被叫号码规则在此生效，在 OV500 中不起作用"),
    "carrier.password": (CHANGED, "passwords of carriers are in files of their own, to be put where `password_file` says on each controller", "运营商密码在单独文件中，请放到每台控制器的 password_file 位置"),
    "route.mixed": (CHANGED, "prefixes with several carriers of one priority beside others: tried in order, the greater share first", "同一优先级有多个运营商且还有其他优先级：按顺序尝试，份额大者在前"),
    "route.next_on": (CHANGED, "causes after which the next carrier is tried: those of the dialplan, beside the usual ones", "转到下一个运营商的原因：路由计划所列，加上通常的原因"),
    "did.channels": (CHANGED, "channels of DIDs are a limit here; OV500 does not enforce them", "DID 的通道数在此是限制，OV500 并不执行"),
    "did.uri": (CHANGED, "addresses that DIDs lead to: name them in [calls] uri_hosts of callctl.toml", "DID 指向的地址：请写入 callctl.toml 的 [calls] uri_hosts"),
    "did.blocked": (CHANGED, "blocked DIDs are refused here; OV500 lets them through", "被封锁的 DID 在此被拒绝，OV500 仍放行"),
    "invalid": (LEFT, "entries that callctl cannot take", "callctl 无法接受的条目"),
    "currency.none": (LEFT, "currencies without a conversion ratio: carriers in them are left out of calls in others", "没有汇率的货币：其运营商不用于其他货币的呼叫"),
    "tariff.never": (LEFT, "ratecards and routes whose hours never come: a day or time is missing, or the end is before the start", "时段永不生效的费率卡和路由：缺少日期或时间，或结束早于开始"),
    "rate.prefix": (LEFT, "rates whose prefix is not 1 to 20 digits", "前缀不是 1 到 20 位数字的费率"),
    "rate.blocked_partly": (LEFT, "blocked rates with allowed ones below them, or at some hours only, or of carriers", "下面还有允许前缀、仅部分时段有效或属于运营商的禁止费率"),
    "tariff.incoming_cost": (LEFT, "what carriers charge for incoming calls", "运营商来话成本"),
    "tariff.bundle": (LEFT, "bundles and monthly charges: for the billing job", "套餐与月费：由计费程序处理"),
    "account.billing_code": (LEFT, "billing codes: an account is known by its endpoints", "计费代码：账户由其终端识别"),
    "number.rule": (LEFT, "number rules that cannot be said here", "无法表达的号码规则"),
    "number.reseller": (LEFT, "number rules of resellers: only the caller's own account's act here", "代理商的号码规则：此处只有主叫账户自己的规则生效"),
    "number.caller": (LEFT, "refusal of caller numbers that are not allowed: the endpoint's own number is shown instead", "拒绝不允许的主叫号码：此处改为显示终端自己的号码"),
    "number.by_destination": (LEFT, "caller numbers made from others by destination: one number for a prefix can be said here", "按目的地改写主叫号码：此处只能为前缀指定一个号码"),
    "endpoint.off": (LEFT, "phones and addresses that are switched off", "已停用的话机和地址"),
    "endpoint.limits": (LEFT, "limits of phones and addresses, which OV500 does not enforce", "话机和地址的限制，OV500 并不执行"),
    "endpoint.address_check": (LEFT, "phones bound to addresses: whoever has the password may use them here", "绑定地址的话机：此处有密码者均可使用"),
    "endpoint.forward": (LEFT, "call forwarding and do-not-disturb, which OV500 keeps and does not act on", "呼叫转移与免打扰，OV500 只保存而不执行"),
    "endpoint.voicemail": (LEFT, "voicemail", "语音信箱"),
    "endpoint.conflict": (LEFT, "addresses of which nobody could say whose call it is", "无法判断归属的地址"),
    "endpoint.extension": (LEFT, "extensions that another phone of the account has", "账户中已被其他话机使用的分机号"),
    "endpoint.secret": (LEFT, "passwords of phones that have none: see `callctl endpoint password`", "没有密码的话机：见 `callctl endpoint password`"),
    "carrier.gateway": (LEFT, "gateways that are switched off or have no usable address", "已停用或地址不可用的网关"),
    "carrier.credentials": (LEFT, "user names and passwords of further gateways, as a carrier has one, or with signs that a user name may not have", "其他网关的用户名和密码（一个运营商只有一组），或含有不允许的字符"),
    "carrier.unmatched": (LEFT, "caller numbers for which OV500 skips a carrier, as no rule of its fits", "没有规则匹配时 OV500 跳过运营商的主叫号码"),
    "route.unknown": (LEFT, "dialplans and carriers that are not there", "不存在的路由计划和运营商"),
    "route.reseller": (LEFT, "dialplans that a reseller above may not use: calls by them are refused, as in OV500", "上级代理商不得使用的路由计划：呼叫与原来一样被拒绝"),
    "route.strip": (LEFT, "digits that a route takes off: add a number rule to the account or the carrier", "路由去掉的号码前缀：请为账户或运营商添加号码规则"),
    "did.unused": (LEFT, "DIDs that are not in use, or have no account", "未使用或没有账户的 DID"),
    "did.target": (LEFT, "destinations of DIDs that are not there", "DID 的目的地不存在"),
    "did.none": (LEFT, "DIDs without any destination", "没有目的地的 DID"),
}  # fmt: skip
TITLES = {
    CHANGED: ("Imported, but not as it was:", "已导入但有变化："),
    LEFT: ("Not imported:", "未导入："),
}
_SHOWN = 8  # subjects of a sentence that people are shown


class Notes:
    """What is to be said, in order, each with what it is about."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, None]] = {}

    def add(self, key: str, subject: str) -> None:
        """Say the sentence `key` of a subject, once."""
        self.found.setdefault(key, {})[subject] = None

    def told(self, lang: Lang) -> list[str]:
        """The lines that people read."""
        chinese = lang == "zh"
        lines: list[str] = []
        for group, titles in TITLES.items():
            keys = [key for key, (of, *_) in SENTENCES.items() if of == group and key in self.found]
            if keys:
                lines += ["", titles[chinese]]
            for key in keys:
                lines.append(f"- {SENTENCES[key][1 + chinese]}{'：' if chinese else ':'}")
                lines.append(f"    {_listed(list(self.found[key]), chinese)}")
        return lines


def _listed(subjects: list[str], chinese: bool) -> str:
    more = len(subjects) - _SHOWN
    behind = f" … (+{more})" if more > 0 else ""
    return ("；" if chinese else "; ").join(subjects[:_SHOWN]) + behind
