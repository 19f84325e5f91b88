"""The nodes as edges know them: Kamailio's table `dispatcher`, beside `location`."""

from __future__ import annotations

import re

from callctl.doctor.finding import Answer, Words, fail, ok, skip, warn
from callctl.doctor.location_rows import Table, beside
from callctl.errors import StoreError

_DESTINATION = re.compile(r"sips?:(\[[^]]*\]|[^:;]+)(?::(\d+))?", re.IGNORECASE)


def nodes(table: Table) -> Answer:
    """Edges send calls to every node, and take calls from every node."""
    try:
        rows = table.pool.rows(f"SELECT destination FROM {beside(table.settings, 'dispatcher')}")  # noqa: S608
    except StoreError:
        return skip("its table `dispatcher` is not there or may not be read", "dispatcher 表不存在或无权读取")
    known = {f"{found[1]}:{found[2] or 5060}" for found in (_DESTINATION.match(str(row[0])) for row in rows) if found}
    wanted = {node.sip: node.name for node in table.settings.nodes}
    missing = [f"{name} ({sip})" for sip, name in wanted.items() if sip not in known]
    foreign = sorted(known - set(wanted))
    if missing and known & set(wanted):
        return _missing(missing, "fail")
    if missing:
        return _missing(missing, "warn")  # an edge that is not deploy/kamailio's may have its nodes elsewhere
    if not foreign:
        return ok("edges know every node", "边缘代理知道所有节点")
    what = ", ".join(foreign)
    return warn(
        f"edges also send calls to {what}, which [[nodes]] does not name",
        f"边缘代理还向 {what} 送呼叫，而 [[nodes]] 中没有",
        Words(
            "Add it to [[nodes]], or delete its row of `dispatcher` and `kamcmd dispatcher.reload` on each edge.",
            "请将其加入 [[nodes]]，或删除 dispatcher 中的行并在每个边缘代理执行 kamcmd dispatcher.reload。",
        ),
    )


def _missing(names: list[str], verdict: str) -> Answer:
    say = fail if verdict == "fail" else warn
    what = ", ".join(names)
    return say(
        f"Kamailio's `dispatcher` lacks {what}: edges send no calls there, and drop its own",
        f"Kamailio 的 dispatcher 表缺少 {what}：边缘代理不会向其送呼叫，并丢弃其呼叫",
        Words(
            "INSERT INTO dispatcher (setid, destination) VALUES (1, 'sip:HOST:PORT'), as [[nodes]] sip has it; then "
            "`kamcmd dispatcher.reload` on each edge.",
            "请 INSERT INTO dispatcher (setid, destination) VALUES (1, 'sip:HOST:PORT')（同 [[nodes]] sip），"
            "然后在每个边缘代理执行 kamcmd dispatcher.reload。",
        ),
    )
