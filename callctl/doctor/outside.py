"""Whether calls can leave the platform by the carriers, routes and currencies that are configured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from callctl.call import credentials
from callctl.directory import Snapshot
from callctl.doctor import secret
from callctl.doctor.finding import Answer, Room, Words, fail, ok, warn
from callctl.doctor.mysql import opened
from callctl.model import Account
from callctl.outside import Carrier, Route, RouteEntry
from callctl.settings import Settings
from callctl.store.directory import load_directory

_MOST = 5  # that are named of each kind


class Configured(NamedTuple):
    """What is configured here, and in MySQL."""

    settings: Settings
    accounts: tuple[Account, ...]
    directory: Snapshot
    currencies: Mapping[str, str]  # of tariffs

    @property
    def routes(self) -> Iterable[Route]:
        """All plans of routes."""
        return self.directory.outside.routes.values()

    def named(self, entry: RouteEntry) -> list[Carrier]:
        """The carriers of an entry that are not closed."""
        found = (self.directory.carrier(name) for name, _ in entry.carriers)
        return [carrier for carrier in found if carrier is not None and carrier.active]

    def open(self, carrier: Carrier) -> bool:
        """Whether a way leads to a carrier."""
        enabled = {edge.name for edge in self.settings.edges if edge.enabled}
        by_edge = bool(enabled & set(carrier.edges) if carrier.edges else enabled)
        return carrier.active and bool(carrier.gateways) and (carrier.direct or by_edge)


def room(settings: Settings) -> Room[Configured]:
    """The checks of the ways out."""
    return Room("outside", _open(settings), (emergency, carriers, routes, currencies, passwords))


@contextmanager
def _open(settings: Settings) -> Iterator[Configured]:
    with opened(settings.mysql) as pool:
        version, accounts, endpoints, around, rooms = load_directory(pool)
        tariffs = dict(pool.rows("SELECT name, currency FROM tariff"))
        yield Configured(settings, tuple(accounts), Snapshot(version, accounts, endpoints, around, rooms), tariffs)


def emergency(configured: Configured) -> Answer:
    """Calls to emergency numbers reach a carrier at any hour."""
    calls = configured.settings.calls
    if not calls.emergency:
        return ok("no emergency numbers are set", "未设置紧急号码")
    route = configured.directory.route(calls.emergency_route)
    lost = [number for number in calls.emergency if route is None or not _leads(configured, route, number)]
    if not lost:
        return ok(f"calls to {', '.join(calls.emergency)} find a carrier", f"{', '.join(calls.emergency)} 可呼出")
    if route is None:
        return fail(
            f"emergency_route {calls.emergency_route} is no plan of routes: calls to {', '.join(lost)} lead nowhere",
            f"emergency_route {calls.emergency_route} 不是任何路由方案：{', '.join(lost)} 无法呼出",
            Words(
                "Declare it in `routes` and `callctl apply`, or correct [calls] emergency_route.",
                "请在 routes 中声明并执行 callctl apply，或改正 [calls] emergency_route。",
            ),
        )
    mend = Words(
        f"Give route {calls.emergency_route} an entry with a carrier that is active and has a gateway.",
        f"请为路由 {calls.emergency_route} 添加带有已启用、有网关的运营商的条目。",
    )
    return fail(f"calls to {', '.join(lost)} lead nowhere", f"{', '.join(lost)} 无法呼出", mend)


def _leads(configured: Configured, route: Route, number: str) -> bool:
    """Whether every entry that may be the number's has a carrier that can be reached."""
    longest = max((prefix for prefix in route.entries if number.startswith(prefix)), key=len, default=None)
    entries = route.entries.get(longest, ()) if longest is not None else ()
    return bool(entries) and all(any(map(configured.open, configured.named(entry))) for entry in entries)


def carriers(configured: Configured) -> Answer:
    """A way leads to each carrier that a route names."""
    named = {carrier.name: carrier for entry in _entries(configured) for carrier in configured.named(entry)}
    shut = [name for name, carrier in named.items() if not configured.open(carrier)]
    if not shut:
        return ok(f"{len(named)} carriers of routes can be reached", f"路由中的 {len(named)} 个运营商均有出口")
    mend = Words(
        "Give each a gateway, and as `edges` such as are enabled in [[edges]]; or take it out of the routes.",
        "请为其添加网关，并将 `edges` 设为 [[edges]] 中已启用的边缘代理；或从路由中删除。",
    )
    what = _some(shut)
    return warn(f"no gateway or no edge leads to {what}", f"没有网关或边缘代理通向 {what}", mend)


def routes(configured: Configured) -> Answer:
    """No prefix is left with carriers that cannot be called."""
    lost = [
        f"{route.name} {prefix or '*'}"
        for route in configured.routes
        for prefix, entries in route.entries.items()
        if any(entry.carriers and not any(map(configured.open, configured.named(entry))) for entry in entries)
    ]
    if not lost:
        return ok("every prefix that is routed has a carrier", "每个已路由的前缀都有可用的运营商")
    mend = Words(
        "Add a carrier to each that is active and can be reached.", "请为其添加已启用且可达的运营商。"
    )
    what = _some(lost)
    return fail(f"no carrier is left for calls by {what}", f"以下路由前缀没有可用的运营商：{what}", mend)


def currencies(configured: Configured) -> Answer:
    """What carriers cost can be compared with what is paid."""
    apart = dict.fromkeys(
        f"{theirs} with {ours}"
        for account in configured.accounts
        if (route := configured.directory.route(account.routes)) is not None
        for ours in [_paid_in(configured, account)]
        for theirs in _costs_in(configured, route)
        if ours and theirs != ours and None in map(configured.directory.worth, (ours, theirs))
    )
    if not apart:
        return ok("what carriers cost compares with what is paid", "运营商成本与客户价格可以比较")
    mend = Words("Declare what each is worth under `currencies`.", "请在 `currencies` 中声明各货币的汇率。")
    what = _some(apart)
    return warn(
        f"carriers are left out, as nobody can compare {what}", f"因货币无法比较而不使用部分运营商：{what}", mend
    )


def passwords(configured: Configured) -> Answer:
    """This host has the password of each carrier that wants one, for who runs callctl and nobody else."""
    carriers = configured.directory.outside.carriers.values()
    files = [carrier.password_file for carrier in carriers if carrier.active and carrier.password_file is not None]
    user = secret.server(configured.settings)
    lacking = [str(file) for file in files if not secret.may_read(file, user)]
    if lacking:
        mend = Words(
            "Put each on this controller, readable by that user (chown root:callctl, chmod 640).",
            "请将其放到本控制器上，并让该用户可读（chown root:callctl，chmod 640）。",
        )
        what = _some(lacking)
        return fail(
            f"passwords for carriers cannot be read by {user.name}: {what}",
            f"{user.name} 无法读取运营商密码：{what}",
            mend,
        )
    unfit = [error for file in files if os.access(file, os.R_OK) and (error := credentials.lacking(file))]
    if unfit:
        return fail(
            f"passwords for carriers cannot be used: {_some(unfit)}",
            f"运营商密码不可用：{_some(unfit)}",
            Words(
                "Put the password alone into the file; the carrier may have to give another.",
                "文件中只写密码；可能需要运营商另给密码。",
            ),
        )
    for_all = " ".join(str(file) for file in files if secret.is_open(file))
    if not for_all:
        return ok("the passwords for carriers can be read", "运营商密码均可读取")
    return warn(
        f"everybody on this host may read the passwords in {for_all}",
        f"本机任何人都可读取 {for_all} 中的密码",
        Words(f"chmod o-rwx {for_all}", f"chmod o-rwx {for_all}"),
    )


def _entries(configured: Configured) -> Iterator[RouteEntry]:
    for route in configured.routes:
        for entries in route.entries.values():
            yield from entries


def _paid_in(configured: Configured, account: Account) -> str:
    """The currency of the nearest who pays for calls of an account; "" where nobody does."""
    payers = (above.tariff for above in configured.directory.lineage(account.name) if above.tariff)
    return configured.currencies.get(next(payers, ""), "")


def _costs_in(configured: Configured, route: Route) -> set[str]:
    """The currencies of the carriers of a route."""
    entries = (entry for of_prefix in route.entries.values() for entry in of_prefix)
    tariffs = {carrier.tariff for entry in entries for carrier in configured.named(entry)}
    return {configured.currencies[name] for name in tariffs if name in configured.currencies}


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" + {len(every) - _MOST}" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more
