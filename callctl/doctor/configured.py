"""What `callctl apply` made: who may call, who pays, what carriers cost, and what of it Kamailio must know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from callctl.directory import Snapshot
from callctl.doctor import mysql
from callctl.doctor.finding import Answer, Room, Words, ok, warn
from callctl.doctor.provided import Configured, peers, phones
from callctl.model import Account
from callctl.settings import Settings
from callctl.store.directory import load_directory
from callctl.store.pool import Pool

_SHOWN = 5  # names in a sentence


def room(settings: Settings) -> Room[Configured]:
    """The checks on what is configured."""
    checks = (accounts, tariffs, costs, peers, phones)
    return Room("configured", _open(settings), checks)


@contextmanager
def _open(settings: Settings) -> Iterator[Configured]:
    with mysql.opened(settings.mysql) as pool:
        version, accounts, endpoints, outside, rooms = load_directory(pool)
        known = Snapshot(version, accounts, endpoints, outside, rooms)

        def kamailio() -> AbstractContextManager[Pool]:
            return mysql.opened(settings.location_mysql) if settings.location.mysql else nullcontext(pool)

        yield Configured(settings, known, accounts, endpoints, pool, kamailio)


def accounts(made: Configured) -> Answer:
    """There is somebody who may call."""
    active = {account.name for account in made.accounts if account.active}
    callers = [endpoint for endpoint in made.endpoints if endpoint.account in active]
    if callers:
        what = len(callers), len(active)
        return ok(f"{what[0]} endpoints of {what[1]} accounts may call", f"{what[1]} 个账户的 {what[0]} 个终端可以呼叫")
    return warn(
        "no endpoint of an active account is configured: every call is refused",
        "没有任何启用账户的终端：所有呼叫都会被拒绝",
        Words(
            "`callctl apply -f company.yaml`; see examples/company.yaml.",
            "请 callctl apply -f company.yaml；参见 examples/company.yaml。",
        ),
    )


def tariffs(made: Configured) -> Answer:
    """Somebody pays for calls of kinds that cost."""
    free: list[tuple[str, str]] = []
    for kind in made.settings.money.rated:
        names = sorted(
            {account.name for account in made.accounts if account.active and _calls_free(made, account, kind)}
        )
        if names:
            shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
            free.append((f"{kind}: {shown}", f"{kind}：{shown}"))
    if not free:
        return ok("every account pays for kinds of calls that cost", "计费类型的呼叫都有账户付费")
    return warn(
        f"kinds of [money] rated that are free for accounts without a tariff: {'; '.join(en for en, _ in free)}",
        f"[money] rated 中的呼叫类型对没有费率的账户免费：{'；'.join(zh for _, zh in free)}",
        Words(
            "Give it or an account above it a `tariff` (for DIDs `tariff_in`), or take the kind out of [money] rated.",
            "请为该账户或其上级设置 tariff（DID 用 tariff_in），或从 [money] rated 中去掉该类型。",
        ),
    )


def costs(made: Configured) -> Answer:
    """What carriers cost is known: where the caller pays, one that nobody has priced is passed over."""
    plans = [several for route in made.known.outside.routes.values() for several in route.entries.values()]
    named = sorted({name for several in plans for entry in several for name, _ in entry.carriers})
    found = [carrier for carrier in map(made.known.carrier, named) if carrier is not None]
    unpriced = [carrier.name for carrier in found if carrier.active and not carrier.tariff]
    if not unpriced:
        return ok("what every carrier costs is known", "所有运营商的成本均已知")
    what = ", ".join(unpriced)
    return warn(
        f"carriers without a tariff, passed over where the caller pays (unless the entry has allow_loss): {what}",
        f"以下运营商没有费率，主叫付费时会被跳过（除非条目设置了 allow_loss）：{what}",
        Words("Give it a `tariff`: what its calls cost.", "请为其设置 tariff（其呼叫的成本）。"),
    )


def _calls_free(made: Configured, account: Account, kind: str) -> bool:
    """Whether an account makes, or takes, calls of a kind that costs, and nobody pays for them."""
    line = made.known.lineage(account.name)
    if kind == "did":
        own = [did for did in made.known.outside.dids.values() if did.account == account.name and did.active]
        return any(not did.tariff for did in own) and not any(one.tariff_in for one in line)
    if any(one.tariff for one in line):
        return False
    if kind == "pstn":
        return bool(account.routes)
    return any(endpoint.account == account.name for endpoint in made.endpoints)
