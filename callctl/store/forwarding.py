"""What callees have said by service codes, in MySQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from MySQLdb.cursors import Cursor

from callctl.model import Endpoint
from callctl.plan import Wish
from callctl.store.pool import Pool

Wishes = Mapping[str, Mapping[str, str]]  # by the endpoint's name, then by the word


def keep(pool: Pool, endpoint: str, wish: Wish) -> None:
    """Let a wish count from now on, for all who read what is configured. Raises StoreError."""
    with pool.transaction() as cursor:
        cursor.execute(
            "REPLACE INTO forwarding (endpoint, word, number) VALUES (%s, %s, %s)", (endpoint, wish.word, wish.number)
        )
        cursor.execute("UPDATE config_version SET version = version + 1 WHERE id = 1")


def forget(cursor: Cursor, endpoint: str) -> None:
    """An endpoint is gone, and all it said."""
    cursor.execute("DELETE FROM forwarding WHERE endpoint = %s", (endpoint,))


def wishes(cursor: Cursor) -> dict[str, dict[str, str]]:
    """All there are."""
    cursor.execute("SELECT endpoint, word, number FROM forwarding")
    found: dict[str, dict[str, str]] = {}
    for endpoint, word, number in cursor.fetchall():
        found.setdefault(endpoint, {})[word] = number
    return found


def as_wished(endpoint: Endpoint, said: Wishes) -> Endpoint:
    """The endpoint as its callee wants it, whatever is configured."""
    own = said.get(endpoint.name)
    if not own:
        return endpoint
    forward = endpoint.forward._replace(**{word: number for word, number in own.items() if word != "dnd"})
    return replace(endpoint, forward=forward, dnd=bool(own["dnd"]) if "dnd" in own else endpoint.dnd)
