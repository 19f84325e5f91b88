"""What went wrong at MySQL, as one sentence for an operator."""

from __future__ import annotations

from MySQLdb import Error
from MySQLdb.constants import CR, ER

from callctl.errors import StoreError, StoreRefused
from callctl.settings import Mysql

LOST = {CR.SERVER_GONE_ERROR, CR.SERVER_LOST}  # the server closed a connection that had been good

# Of the values in a statement. Whatever is not in here may be mended by time or by an operator, and is tried again.
_OF_VALUES = {
    ER.BAD_NULL_ERROR,
    ER.DATA_OUT_OF_RANGE,
    ER.DATA_TOO_LONG,
    ER.DUP_ENTRY,
    ER.INVALID_CHARACTER_STRING,
    ER.NO_PARTITION_FOR_GIVEN_VALUE,
    ER.TRUNCATED_WRONG_VALUE,
    ER.TRUNCATED_WRONG_VALUE_FOR_FIELD,
    ER.WARN_DATA_OUT_OF_RANGE,
    ER.WARN_DATA_TRUNCATED,
    3140,  # MySQL: invalid JSON text
    3854,  # MySQL: cannot convert string between character sets
    4025,  # MariaDB: a CHECK failed, as JSON_VALID is
}

_MENDS = {
    CR.CONNECTION_ERROR: "cannot be reached ({detail}): start it, or correct [mysql] host and port",
    CR.CONN_HOST_ERROR: "cannot be reached ({detail}): start it, or correct [mysql] host and port",
    CR.IPSOCK_ERROR: "cannot be reached ({detail}): start it, or correct [mysql] host and port",
    CR.UNKNOWN_HOST: "has no address ({detail}): correct [mysql] host",
    CR.SERVER_GONE_ERROR: "closed the connection ({detail}): see that it runs, and its own log",
    CR.SERVER_LOST: "closed the connection ({detail}): see that it runs, and its own log",
    ER.ACCESS_DENIED_ERROR: "refused user {user!r}: correct [mysql] user and password",
    ER.DBACCESS_DENIED_ERROR: "does not let user {user!r} use database {database!r}: grant it",
    ER.BAD_DB_ERROR: "has no database {database!r}: create it, or correct [mysql] database",
    ER.NO_SUCH_TABLE: "lacks a table ({detail}): run `callctl migrate`",
    ER.BAD_FIELD_ERROR: "lacks a column ({detail}): run `callctl migrate`",
    ER.CON_COUNT_ERROR: "has no connection left: raise its max_connections",
}


def code(error: BaseException | None) -> int:
    """MySQL's number of an error, 0 where it has none."""
    number = error.args[0] if isinstance(error, Error) and error.args else 0
    return number if isinstance(number, int) else 0


def explain(error: Error, mysql: Mysql) -> StoreError:
    """The sentence for what mysqlclient raised."""
    number = code(error)
    detail = str(error.args[1] if len(error.args) > 1 else error)
    mend = _MENDS.get(number, "refused a statement ({number}: {detail})")
    sentence = mend.format(detail=detail, number=number, user=mysql.user, database=mysql.database)
    kind = StoreRefused if number in _OF_VALUES else StoreError
    return kind(f"MySQL at {mysql.host}:{mysql.port} {sentence}.")


def late(mysql: Mysql, seconds: float) -> StoreError:
    """The sentence for no answer in time."""
    return StoreError(
        f"MySQL at {mysql.host}:{mysql.port} did not answer within {seconds:g} s: "
        "see that it runs and is not overloaded."
    )
