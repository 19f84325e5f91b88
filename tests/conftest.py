"""The private MariaDB and Redis that the tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from callctl import settings as configuration
from callctl.settings import Settings
from callctl.store.migrate import migrate
from callctl.store.pool import Pool
from deploy.private_services import Services, running

TARIFFS = ("tariff", "tariff_generation", "tariff_rate")
MONEY = ("account_balance", "account_hold", "ledger", "cdr_charge", "unsettled", "settled", "kept_since")

for _name in [name for name in os.environ if name.startswith("CALLCTL_")]:
    del os.environ[_name]

# A shell that runs the tests in the background has it ignored, in all that they start too: `callctl tail` ends by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A MariaDB and a Redis of our own, for the whole run."""
    with running(tmp_path_factory.mktemp("services")) as started:
        yield started


@pytest.fixture
def settings(services: Services, tmp_path: Path) -> Settings:
    """Settings of the private services, an empty Redis and a spool folder of the test's own."""
    with Redis(port=services.redis_port, password=services.redis_password) as redis:
        redis.flushall()
    return Settings(
        mysql=configuration.Mysql(port=services.mysql_port, password=services.mysql_password),
        # On a busy disk Redis is silent now and then for longer than calls wait for it (0.5 s).
        redis=configuration.Redis(port=services.redis_port, password=services.redis_password, timeout=5),
        spool=configuration.Spool(directory=tmp_path / "spool"),
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Pool]:
    """A pool on the migrated database, with nothing in its tables, and no money left there afterwards."""
    migrate(settings.mysql)
    pool = Pool(settings.mysql, 4)
    empty(pool, "config_item", "account", "endpoint", "forwarding", *TARIFFS, *MONEY, "cdr", "cdr_leg", "call_event")
    yield pool
    empty(pool, *MONEY)
    pool.close()


def empty(pool: Pool, *tables: str) -> None:
    """Leave nothing in these tables."""
    with pool.transaction() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
