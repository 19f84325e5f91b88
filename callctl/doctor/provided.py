"""What is configured here and must be in Kamailio's tables too: phones' passwords, and where carriers are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from callctl.directory import Snapshot
from callctl.doctor.finding import Answer, Words, fail, ok, skip, warn
from callctl.doctor.location_rows import beside
from callctl.errors import StoreError
from callctl.model import Account, Endpoint
from callctl.settings import Settings, split_address
from callctl.store.pool import Pool
from callctl.store.subscriber import Phone, compare

PEERS = 1  # the group of `address` in deploy/kamailio


@dataclass(frozen=True)
class Configured:
    """All that is configured; `kamailio` opens the database of Kamailio's tables."""

    settings: Settings
    known: Snapshot
    accounts: list[Account]
    endpoints: list[Endpoint]
    pool: Pool
    kamailio: Callable[[], AbstractContextManager[Pool]]


def peers(made: Configured) -> Answer:
    """Edges know the carriers that calls go out to by them: Kamailio's table `address`."""
    carriers = [one for one in made.known.outside.carriers.values() if one.active and not one.direct]
    wanted = [(one.name, gateway.address) for one in carriers for gateway in one.gateways]
    if not wanted:
        return ok("no carrier is reached by way of an edge", "没有经由边缘代理到达的运营商")
    try:
        with made.kamailio() as pool:
            rows = pool.rows(f"SELECT ip_addr, mask, port FROM {beside(made.settings, 'address')} WHERE grp = {PEERS}")  # noqa: S608
    except StoreError:
        return skip("Kamailio's table `address` is not there or may not be read", "address 表不存在或无权读取")
    known = [(network, int(row[2])) for row in rows if (network := _network(row))]
    missing = [f"{name} ({address})" for name, address in wanted if not _listed(address, known)]
    if not missing:
        return ok("edges know every carrier", "边缘代理知道所有运营商")
    what = ", ".join(missing)
    say = fail if known else warn  # edges that are not deploy/kamailio's may have their carriers elsewhere
    return say(
        f"Kamailio's `address` lacks gateways of carriers: {what}; edges answer calls to them with 480",
        f"Kamailio 的 address 表缺少运营商网关：{what}；边缘代理对其呼叫应答 480",
        Words(
            "INSERT INTO address (grp, ip_addr, mask, tag) VALUES (1, 'ADDRESS', 32, 'CARRIER'); then "
            "`kamcmd permissions.addressReload` on each edge.",
            "请 INSERT INTO address (grp, ip_addr, mask, tag) VALUES (1, 'ADDRESS', 32, 'CARRIER')，"
            "然后在每个边缘代理执行 kamcmd permissions.addressReload。",
        ),
    )


def phones(made: Configured) -> Answer:
    """Edges know phones' passwords as they are configured: Kamailio's table `subscriber`."""
    table = made.settings.location.subscriber
    if not table:
        return ok("phones' passwords are not kept by callctl", "话机密码不由 callctl 管理")
    try:
        with made.kamailio() as pool:
            wanted, found = compare(made.pool, pool, table)
            _try_writing(pool, table)
    except StoreError as error:
        cause = error.__cause__.args[-1] if error.__cause__ else error
        grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {made.settings.location_mysql.user};"
        return fail(
            f"{table} cannot be read and written: {cause}",
            f"无法读写 {table}：{cause}",
            Words(
                f"{grant} Where there is no such table, it is Kamailio's (auth_db-create.sql), not callctl's.",
                f"{grant} 若表不存在，请用 Kamailio 自带的 auth_db-create.sql 创建。",
            ),
        )
    behind = sorted(
        f"{user}@{domain}" for (user, domain), ha1 in wanted.items() if found.get(Phone(user, domain)) != ha1
    )
    if not behind:
        return ok(f"edges know the passwords of {len(wanted)} phones", f"边缘代理知道 {len(wanted)} 部话机的密码")
    return fail(
        f"edges know another password, or none, of {len(behind)} phones, the first {behind[0]}",
        f"边缘代理不知道 {len(behind)} 部话机的密码或密码不同，首个为 {behind[0]}",
        Words("Run `callctl apply` with the company's file again.", "请再次执行 callctl apply。"),
    )


def _try_writing(pool: Pool, table: str) -> None:
    """Raise StoreError where this user may not write: explaining a statement takes its rights, and does nothing."""
    pool.rows(f"EXPLAIN INSERT INTO {table} (username, domain, ha1, password) VALUES ('', '', '', '')")  # noqa: S608
    pool.rows(f"EXPLAIN UPDATE {table} SET ha1 = '', password = '' WHERE username = '' AND domain = ''")  # noqa: S608
    pool.rows(f"EXPLAIN DELETE FROM {table} WHERE username = '' AND domain = ''")  # noqa: S608


def _network(row: tuple[Any, ...]) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(f"{row[0]}/{row[1]}", strict=False)
    except ValueError:
        return None  # a name


def _listed(address: str, known: list[tuple[IPv4Network | IPv6Network, int]]) -> bool:
    host, port = split_address(address)
    try:
        own = ip_address(host)
    except ValueError:
        return True  # a name, of which the table says nothing that could be compared
    return any(own in network and listed in {0, port} for network, listed in known)
