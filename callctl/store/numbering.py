"""Numbers of booked calls, `settled_seq`: a cursor behind which nothing ever appears.

The numbers are given after the booking was committed, by one statement that is a transaction of its own: who stalls
holds nothing. Two who number at once begin with the same number, which the primary key gives to one of them.
"""

from __future__ import annotations

from MySQLdb import Error
from MySQLdb.constants import ER

from callctl.store.failure import code
from callctl.store.pool import LATEST, Pool

_AT_ONCE = 1000
_AGAIN = {ER.DUP_ENTRY, ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT}  # another was faster

# Read as committed, neither waits for a transaction that has put calls into `unsettled` and goes on.
_NUMBER = """
INSERT INTO settled (settled_seq, id, call_uuid, started_at)
SELECT newest.settled_seq + ROW_NUMBER() OVER (ORDER BY waiting.id), waiting.id, waiting.call_uuid, waiting.started_at
FROM (SELECT COALESCE(MAX(settled_seq), 0) AS settled_seq FROM settled) AS newest
CROSS JOIN (
    SELECT unsettled.id, unsettled.call_uuid, unsettled.started_at
    FROM unsettled LEFT JOIN settled ON settled.call_uuid = unsettled.call_uuid AND settled.id = unsettled.id
    WHERE settled.id IS NULL ORDER BY unsettled.id LIMIT %s
) AS waiting
"""
_NUMBERED = "SELECT settled_seq FROM unsettled JOIN settled USING (call_uuid, id) ORDER BY unsettled.id LIMIT %s"
# By their keys, whatever the optimizer thinks of so small a table: a look through it waits for what is not committed.
_REMOVE = """
DELETE unsettled FROM settled STRAIGHT_JOIN unsettled FORCE INDEX (PRIMARY)
    ON unsettled.id = settled.id AND unsettled.call_uuid = settled.call_uuid
WHERE settled_seq IN %s
"""


def number(pool: Pool) -> int:
    """Give their numbers to calls that wait for one, a thousand at most; how many no longer wait.

    0 as well where another does it at the same time. Raises StoreError.
    """
    with pool.connection() as connection:
        cursor = connection.cursor()
        try:
            connection.query(LATEST)
            cursor.execute(_NUMBER, (_AT_ONCE,))
            cursor.execute(_NUMBERED, (_AT_ONCE,))
            numbered = [row[0] for row in cursor.fetchall()]
            if numbered:
                connection.query(LATEST)
                cursor.execute(_REMOVE, (numbered,))
        except Error as error:
            if code(error) not in _AGAIN:
                raise
            return 0
    return len(numbered)
