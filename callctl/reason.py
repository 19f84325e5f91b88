"""Why a call was refused or ended without being answered: one enum, one table. No other place invents a cause.

`sip` is what FreeSWITCH answers the caller for `cause` (hangup_cause_to_sip in mod_sofia.c), `q850` the number in the
Reason header (ITU-T Q.850); the sentences say to an operator what to change.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class _Row(NamedTuple):
    machine_name: str
    sip: int
    q850: int
    cause: str
    en: str
    zh: str


class Reason(Enum):
    """Every reason callctl gives."""

    # who is calling
    CALLER_UNKNOWN = _Row(
        "caller_unknown", 403, 52, "OUTGOING_CALL_BARRED",
        "No endpoint or carrier matches the caller: add the SIP user or the source address to an account, or to a carrier.",
        "没有与主叫匹配的终端或运营商：请把该 SIP 用户或来源地址加入某个账户或运营商。",
    )
    ACCOUNT_CLOSED = _Row(
        "account_closed", 403, 52, "OUTGOING_CALL_BARRED",
        "The caller's account is not active: set its status to active to let it call.",
        "主叫账户未启用：将其状态改为 active 后才能呼叫。",
    )
    REQUEST_UNUSABLE = _Row(
        "request_unusable", 484, 28, "INVALID_NUMBER_FORMAT",
        "The called number has characters that no number may have: see the first step for them.",
        "被叫号码含有不允许的字符：请查看第一步中列出的字符。",
    )
    # where to
    NUMBER_UNKNOWN = _Row(
        "number_unknown", 404, 1, "UNALLOCATED_NUMBER",
        "Nothing has the called number: add an endpoint with this user or extension.",
        "被叫号码不存在：请添加使用该用户名或分机号的终端。",
    )
    NOT_REGISTERED = _Row(
        "not_registered", 480, 20, "SUBSCRIBER_ABSENT",
        "The callee's phone is not registered at any edge: check the phone's registration.",
        "被叫话机没有在任何边缘代理注册：请检查话机的注册。",
    )
    EDGE_AWAY = _Row(
        "edge_away", 480, 20, "SUBSCRIBER_ABSENT",
        "The callee is registered only at edges callctl does not know or has been told not to use: check [[edges]].",
        "被叫只在未配置或已停用的边缘代理注册：请检查 [[edges]]。",
    )
    LOCATION_AWAY = _Row(
        "location_away", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "The location database did not answer, so nobody knows where the callee is: check the database and its deadline.",
        "位置数据库没有应答，无法得知被叫在哪里：请检查数据库及其时限。",
    )
    ROOM_INVALID = _Row(
        "room_invalid", 484, 28, "INVALID_NUMBER_FORMAT",
        "A conference is called as conf_ and digits, or as conf_ and the name of a declared room: see `rooms`.",
        "会议号码是 conf_ 加数字，或 conf_ 加已声明的会议室名称：请查看 `rooms`。",
    )
    ROOM_NOT_ALLOWED = _Row(
        "room_not_allowed", 403, 52, "OUTGOING_CALL_BARRED",
        "The room belongs to an account that is neither the caller's nor above it: see `account` of the room.",
        "会议室所属账户既不是主叫账户，也不是其上级账户：请查看该会议室的 `account`。",
    )
    ROOM_MOVED = _Row(
        "room_moved", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "The room moved to another node while the caller was on the way to it: the next attempt finds it.",
        "主叫转接途中会议室已迁移到另一节点：再次呼叫即可进入。",
    )
    ROOM_OWNER_UNKNOWN = _Row(
        "room_owner_unknown", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "The room is held by a FreeSWITCH node that is not in [[nodes]]: add the node on this controller.",
        "会议室所在的 FreeSWITCH 节点不在 [[nodes]] 中：请在本控制器上添加该节点。",
    )
    URI_NOT_ALLOWED = _Row(
        "uri_not_allowed", 403, 54, "INCOMING_CALL_BARRED",
        "A DID leads to a SIP URI at a host that is not in [calls] uri_hosts: add it there as HOST:PORT.",
        "DID 指向的 SIP URI 的主机不在 [calls] uri_hosts 中：请以 HOST:PORT 形式添加。",
    )
    # from outside
    DID_UNKNOWN = _Row(
        "did_unknown", 404, 1, "UNALLOCATED_NUMBER",
        "A carrier brought a call to a number that is no DID: add it to `dids`, or mend the carrier's `incoming` rules.",
        "运营商送来的号码不是任何 DID：请加入 `dids`，或修改该运营商的 `incoming` 规则。",
    )
    DID_BLOCKED = _Row(
        "did_blocked", 403, 54, "INCOMING_CALL_BARRED",
        "The DID is blocked: set its status to active to let calls in.",
        "该 DID 已被禁用：将其状态改为 active 后才能呼入。",
    )
    DID_EXPIRED = _Row(
        "did_expired", 404, 1, "UNALLOCATED_NUMBER",
        "The DID has expired: move its `expires` on, or leave it out.",
        "该 DID 已过期：请推迟其 `expires`，或删除该项。",
    )
    DID_CARRIER = _Row(
        "did_carrier", 403, 54, "INCOMING_CALL_BARRED",
        "The call to the DID came from another carrier than its own: see its `carrier`.",
        "呼叫该 DID 的运营商不是其所属运营商：请查看其 `carrier`。",
    )
    # on the way to somebody else
    DO_NOT_DISTURB = _Row(
        "do_not_disturb", 486, 17, "USER_BUSY",
        "The callee does not want to be disturbed: *79 at the phone, or `dnd` of its endpoint, ends that.",
        "被叫开启了免打扰：在话机上拨 *79，或修改终端的 `dnd` 可取消。",
    )
    WISH_AWAY = _Row(
        "wish_away", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "MySQL did not take what the caller asked for by a service code, so it does not count: check MySQL.",
        "MySQL 没有接受主叫用业务代码提出的设置，因此未生效：请检查 MySQL。",
    )
    FORWARD_LOOP = _Row(
        "forward_loop", 483, 25, "EXCHANGE_ROUTING_ERROR",
        "Phones or DIDs send the call on in a circle: see the steps for where it comes round, and change one `forward`.",
        "呼叫在话机或 DID 之间循环转接：请查看步骤，并修改其中一个 `forward`。",
    )
    EMERGENCY_UNROUTED = _Row(
        "emergency_unrouted", 404, 3, "NO_ROUTE_DESTINATION",
        "[calls] emergency_route leads an emergency call to no carrier: give the route an entry with active carriers.",
        "[calls] emergency_route 没有为紧急呼叫找到任何运营商：请为该路由添加带有可用运营商的条目。",
    )
    # to the outside
    NO_ROUTE = _Row(
        "no_route", 404, 3, "NO_ROUTE_DESTINATION",
        "The account's plan of routes has no carrier for the number at this hour: add an entry for its prefix.",
        "账户的路由计划此时没有该号码的运营商：请为其前缀添加条目。",
    )
    NO_CARRIER = _Row(
        "no_carrier", 503, 34, "NORMAL_CIRCUIT_CONGESTION",
        "Every carrier of the route is left out: see the route step for why each is.",
        "该路由的所有运营商都被排除：请查看 route 步骤中每个运营商的原因。",
    )
    CARRIERS_FULL = _Row(
        "carriers_full", 503, 42, "SWITCH_CONGESTION",
        "No carrier of the route has a place for one more call: raise `limits` of a carrier, or add one.",
        "该路由的运营商并发或每秒呼叫数都已达上限：请提高运营商的 `limits` 或增加运营商。",
    )
    NUMBER_UNALLOCATED = _Row(
        "number_unallocated", 404, 1, "UNALLOCATED_NUMBER",
        "A carrier says that nobody has the number: check how it was dialled, and the carrier's `outgoing` rules.",
        "运营商称该号码不存在：请检查所拨号码以及该运营商的 `outgoing` 规则。",
    )
    CARRIERS_FAILED = _Row(
        "carriers_failed", 503, 38, "NETWORK_OUT_OF_ORDER",
        "No carrier took the call, though the callee may well be there: see each attempt's SIP answer.",
        "没有运营商接受该呼叫，被叫本身可能正常：请查看每次尝试的 SIP 应答。",
    )
    # media
    NO_COMMON_CODEC = _Row(
        "no_common_codec", 488, 88, "INCOMPATIBLE_DESTINATION",
        "The caller offers no codec that is allowed: compare the two lists in the codec step and allow one of the caller's.",
        "主叫提供的编解码都不被允许：请对比编解码步骤中的两个列表，并允许其中一个。",
    )
    SRTP_MISSING = _Row(
        "srtp_missing", 488, 88, "INCOMPATIBLE_DESTINATION",
        "The caller's media are not encrypted, and its `media` demands it: have the phone offer SRTP, or make it offered.",
        "主叫媒体未加密，而其 `media` 要求加密：请在话机上启用 SRTP，或将要求改为 offered。",
    )
    # how much at once
    TOO_MANY_CALLS = _Row(
        "too_many_calls", 480, 31, "NORMAL_UNSPECIFIED",
        "The endpoint, its account or a parent has as many calls as its limit allows: see the limits step for which.",
        "终端、其账户或上级账户的并发呼叫已达上限：请查看 limits 步骤。",
    )
    TOO_MANY_STARTS = _Row(
        "too_many_starts", 480, 31, "NORMAL_UNSPECIFIED",
        "The endpoint, its account or a parent begins more calls a second than its limit allows: see the limits step.",
        "终端、其账户或上级账户每秒新呼叫数超过上限：请查看 limits 步骤。",
    )
    # what it costs, and who pays
    ACCOUNT_HELD = _Row(
        "account_held", 403, 52, "OUTGOING_CALL_BARRED",
        "An operator has blocked the caller's account or one above it: see `callctl account show` and release it.",
        "操作员已冻结主叫账户或其上级账户：请用 `callctl account show` 查看并解除。",
    )
    NUMBER_BLOCKED = _Row(
        "number_blocked", 403, 52, "OUTGOING_CALL_BARRED",
        "The called number begins with a prefix that an account blocks: see its `blocked` list.",
        "被叫号码的前缀被账户禁止：请查看其 `blocked` 列表。",
    )
    NUMBER_NOT_ALLOWED = _Row(
        "number_not_allowed", 403, 52, "OUTGOING_CALL_BARRED",
        "The called number begins with none of the prefixes that an account allows: see its `allowed` list.",
        "被叫号码不在账户允许的前缀之内：请查看其 `allowed` 列表。",
    )
    PREMIUM_BARRED = _Row(
        "premium_barred", 403, 52, "OUTGOING_CALL_BARRED",
        "The called number is a premium number: set the account's `premium` to true to let it call those.",
        "被叫号码是高额收费号码：将账户的 `premium` 设为 true 后才能呼叫。",
    )
    NO_RATE = _Row(
        "no_rate", 404, 3, "NO_ROUTE_DESTINATION",
        "A tariff that has to price this call has no rate for the number: add one for its prefix.",
        "需要为该呼叫计价的费率表没有该号码的费率：请为其前缀添加费率。",
    )
    TOO_DEAR = _Row(
        "too_dear", 403, 52, "OUTGOING_CALL_BARRED",
        "A minute costs more than an account's price_per_minute limit allows: raise it, or leave the destination out.",
        "每分钟价格超过账户的 price_per_minute 上限：请提高上限，或不开放该目的地。",
    )
    NO_MONEY = _Row(
        "no_money", 402, 21, "CALL_REJECTED",
        "An account has not the money for the call's first increment: see the money step for which, and top it up.",
        "账户余额不足以支付呼叫的第一个计费单元：请查看 money 步骤，并为该账户充值。",
    )
    DAY_SPENT = _Row(
        "day_spent", 402, 21, "CALL_REJECTED",
        "An account has spent what its spend_per_day limit allows: raise the limit, or wait for its next day.",
        "账户当日消费已达 spend_per_day 上限：请提高上限，或等到次日。",
    )
    RATES_AWAY = _Row(
        "rates_away", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "MySQL did not answer what the call costs, so it was not connected: check MySQL.",
        "MySQL 没有应答该呼叫的费率，因此未接通：请检查 MySQL。",
    )
    MONEY_AWAY = _Row(
        "money_away", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "Nobody could say whether there is money for the call, so it was not connected: check Redis and MySQL.",
        "无法得知余额是否足够，因此未接通：请检查 Redis 和 MySQL。",
    )
    # the platform
    DIRECTORY_AWAY = _Row(
        "directory_away", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "Accounts and endpoints could not be read from MySQL yet: check MySQL.",
        "尚未能从 MySQL 读取账户和终端：请检查 MySQL。",
    )
    SPOOL_FULL = _Row(
        "spool_full", 503, 42, "SWITCH_CONGESTION",
        "The record of this call could not be kept safe, so it was refused: make room in the spool folder.",
        "无法安全保存该呼叫的记录，因此拒绝：请清理缓存目录的磁盘空间。",
    )
    OVERLOADED = _Row(
        "overloaded", 503, 42, "SWITCH_CONGESTION",
        "The controller has as many calls as it may hold: raise [esl] max_sessions or add workers.",
        "控制器的呼叫数已达上限：请提高 [esl] max_sessions 或增加 worker。",
    )
    CONTROLLER_FAULT = _Row(
        "controller_fault", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "callctl itself failed on this call: the log line with this call's UUID has the cause.",
        "callctl 处理该呼叫时出错：请查看带有该呼叫 UUID 的日志。",
    )
    CONTROLLER_LOST = _Row(
        "controller_lost", 503, 38, "NETWORK_OUT_OF_ORDER",
        "The call reached no controller that decided it: see whether callctl was running then.",
        "呼叫没有得到控制器的处理：请检查当时 callctl 是否在运行。",
    )
    # what the callee's side did
    BUSY = _Row(
        "busy", 486, 17, "USER_BUSY",
        "The callee was busy.",
        "被叫忙。",
    )
    NO_ANSWER = _Row(
        "no_answer", 480, 19, "NO_ANSWER",
        "The callee's phone rang and nobody answered in time: see ring_timeout.",
        "被叫话机振铃但无人接听：见 ring_timeout。",
    )
    CALLEE_REFUSED = _Row(
        "callee_refused", 603, 21, "CALL_REJECTED",
        "The callee refused the call.",
        "被叫拒接。",
    )
    CALLEE_CODEC = _Row(
        "callee_codec", 488, 88, "INCOMPATIBLE_DESTINATION",
        "The callee's phone accepted none of the codecs it was offered: see the codecs of its endpoint.",
        "被叫话机不接受所提供的编解码：请检查其终端的 codecs。",
    )
    CALLEE_UNREACHABLE = _Row(
        "callee_unreachable", 480, 20, "SUBSCRIBER_ABSENT",
        "No edge could reach the callee's phone: see each attempt's SIP answer.",
        "所有边缘代理都无法联系到被叫话机：请查看每次尝试的 SIP 应答。",
    )
    CALLEE_FAILED = _Row(
        "callee_failed", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "Every attempt towards the callee failed: see each attempt's SIP answer.",
        "向被叫的每次尝试都失败：请查看每次尝试的 SIP 应答。",
    )
    CALLER_GAVE_UP = _Row(
        "caller_gave_up", 487, 16, "ORIGINATOR_CANCEL",
        "The caller hung up before anybody answered.",
        "主叫在接听前挂断。",
    )
    TIME_UP = _Row(
        "time_up", 480, 16, "ALLOTTED_TIMEOUT",
        "The call reached its longest allowed duration.",
        "通话达到最长允许时间。",
    )
    MONEY_UP = _Row(
        "money_up", 480, 16, "ALLOTTED_TIMEOUT",
        "The money for the call ran out: see `callctl account show` of the accounts that pay.",
        "通话的余额用尽：请用 `callctl account show` 查看付费账户。",
    )
    NOT_EXTENDED = _Row(
        "not_extended", 480, 16, "ALLOTTED_TIMEOUT",
        "The time paid for ended and no recorder was there to pay for more: see whether callctl was running then.",
        "已付费的时间用完而没有 recorder 续费：请检查当时 callctl 是否在运行。",
    )
    ENDED_BY_OPERATOR = _Row(
        "ended_by_operator", 480, 16, "MANAGER_REQUEST",
        "An operator ended the call.",
        "操作员结束了呼叫。",
    )
    END_UNHEARD = _Row(
        "end_unheard", 503, 41, "NORMAL_TEMPORARY_FAILURE",
        "The call was gone when callctl could hear its switch again: the end written is when that was seen.",
        "callctl 恢复监听交换机时呼叫已不存在：所记结束时间为发现之时。",
    )

    def __init__(self, machine_name: str, sip: int, q850: int, cause: str, en: str, zh: str) -> None:
        self.machine_name = machine_name
        self.sip = sip
        self.q850 = q850
        self.cause = cause
        self.en = en
        self.zh = zh

    @property
    def response(self) -> str:
        """The SIP answer that FreeSWITCH has to be told, as none of its causes leads to it; else empty."""
        return "402 Payment Required" if self.sip == 402 else ""

    def sentence(self, lang: str) -> str:
        """What to change, in language `lang` ("en" or "zh")."""
        return self.zh if lang == "zh" else self.en


BY_NAME = {reason.machine_name: reason for reason in Reason}
