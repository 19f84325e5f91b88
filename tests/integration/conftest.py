"""What integration tests share."""

from collections.abc import Callable, Iterator

import pytest

from callctl.live.client import Client, connect
from callctl.settings import Redis


@pytest.fixture
def connected() -> Iterator[Callable[[Redis], Client]]:
    """Makes clients of Redis whose connections end with the test."""
    clients: list[Client] = []

    def make(settings: Redis) -> Client:
        clients.append(connect(settings))
        return clients[-1]

    yield make
    for client in clients:
        client.connection_pool.disconnect()
