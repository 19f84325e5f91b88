"""The rows of `location` in sum: by edge and listener, how many live, how old, how many are left behind."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from callctl.routing.location import Contact, group
from callctl.settings import Edge, Settings
from callctl.store.pool import Pool

STALE = 300  # seconds after its end in which an edge that lives has removed a row
_MOST = 5000  # kinds of rows that are looked at
_PLAIN = re.compile(r"[A-Za-z0-9.:_\[\]-]+")  # what may stand in a statement

# Seconds since a registration ended, negative while it lives, NULL of a permanent one; as store/location.py tells them.
_ENDED = {
    "kamailio": "IF(expires < '1970-01-03', NULL, TIMESTAMPDIFF(SECOND, expires, UTC_TIMESTAMP()))",
    "opensips": "IF(expires = 0, NULL, CAST(UNIX_TIMESTAMP() AS SIGNED) - CAST(expires AS SIGNED))",
}
_ROWS = """
SELECT server_id, socket, path, COUNT(*) AS total, CAST(SUM(ended IS NULL OR ended < 0) AS SIGNED) AS live,
    CAST(SUM(ended < 0) AS SIGNED) AS refreshed, CAST(SUM(ended > {stale}) AS SIGNED) AS stale,
    CAST(SUM(IF(ended < 0, age - ended, 0)) AS SIGNED) AS lifetimes, MIN(IF(ended IS NULL, NULL, age)) AS age,
    CAST(SUM(homeless AND (ended IS NULL OR ended < 0)) AS SIGNED) AS homeless
FROM (
    SELECT {server} AS server_id, socket, {path} AS path, {ended} AS ended, {homeless} AS homeless,
        TIMESTAMPDIFF(SECOND, last_modified, UTC_TIMESTAMP()) AS age
    FROM {table}
) AS facts GROUP BY server_id, socket, path LIMIT {most}
"""


class Table:
    """The table behind `pool`, and what its rows say in sum."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self.settings = settings
        self.kind = settings.location.kind
        self.edges: tuple[Edge, ...] = settings.edges

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Sums by edge and listener.

        `edge` names the edge, `unknown` says why there is none; `claimed` is the edge that Path and socket alone name.
        """
        kamailio = self.kind == "kamailio"
        sql = _ROWS.format(
            stale=STALE,
            server="server_id" if kamailio else "0",
            path=self._path() if kamailio else "path",
            homeless="COALESCE(domain, '') = ''" if self.settings.location.use_domain else "0",
            ended=_ENDED[self.kind],
            table=".".join(f"`{part}`" for part in self.settings.location.table.split(".")),
            most=_MOST,
        )
        return [row | self._owner(row) for row in self.pool.records(sql)]

    def _path(self) -> str:
        """A Path may be each phone's own: where server_id tells the edge, only which edges it names is looked at."""
        ids = ", ".join(str(edge.server_id) for edge in self.edges) or "NULL"
        own = [f"<sip:{edge.address};" for edge in self.edges if _PLAIN.fullmatch(edge.address)]
        named = ", ".join(f"IF(LOCATE('{text}', REPLACE(path, '>', ';')), '{text}lr>', NULL)" for text in own) or "NULL"
        return f"IF(server_id IN ({ids}), CONCAT_WS(',', {named}), path)"

    def _owner(self, row: dict[str, Any]) -> dict[str, str]:
        enabled = [edge.model_copy(update={"enabled": True}) for edge in self.edges]
        located = group([_contact(row, row["server_id"])], enabled)
        nameless = group([_contact(row, 0)], enabled) if row["path"] or row["socket"] else None
        claimed = nameless.targets[0].edge if nameless and len(nameless.targets) == 1 else ""
        if located.unusable:
            return {"edge": f"server_id {row['server_id']}", "unknown": located.unusable[0], "claimed": claimed}
        edge = located.targets[0].edge if len(located.targets) == 1 else "any edge"
        return {"edge": edge, "unknown": "", "claimed": claimed}

    def by_edge(self) -> dict[str, dict[str, int]]:
        """The sums of each edge; `age` is that of its newest row, in seconds."""
        sums: dict[str, dict[str, int]] = defaultdict(dict)
        for row in self.rows:
            own = sums[row["edge"]]
            for key in ("live", "refreshed", "stale", "lifetimes"):
                own[key] = own.get(key, 0) + int(row[key] or 0)
            if row["age"] is not None:
                own["age"] = min(own.get("age", row["age"]), int(row["age"]))
        return dict(sums)


def beside(settings: Settings, name: str) -> str:
    """The table `name` that Kamailio has beside its `location`, as a statement names it."""
    database = settings.location.table.rpartition(".")[0]
    return f"`{database}`.`{name}`" if database else f"`{name}`"


def _contact(row: dict[str, Any], server_id: int) -> Contact:
    epoch = datetime.fromtimestamp(0, UTC)
    return Contact("", "", None, row["path"], row["socket"], server_id, 0.0, epoch, 0, None, 0)
