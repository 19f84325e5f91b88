"""What tests on a real FreeSWITCH need; without the programs the whole folder is skipped."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gevent import socket

from callctl.esl.server import Server
from callctl.esl.session import Session
from callctl.settings import Esl
from tests.freeswitch.phones import HOST, Phones
from tests.freeswitch.switch import Switch
from tests.ports import free_port

HERE = Path(__file__).parent
MISSING = [program for program in ("freeswitch", "sipp") if shutil.which(program) is None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.freeswitch)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Skip where a program is missing; from one place, so that pytest says so once."""
    if MISSING:
        pytest.skip(f"real calls need {' and '.join(MISSING)} in PATH: install it to run tests/freeswitch")


class Desk:
    """The controller's place, where a test says what is done with a call."""

    def __init__(self) -> None:
        self._esl = Esl(listen=f"{HOST}:{free_port()}")
        self.address = self._esl.listen
        self.do: Callable[[Session], None] = lambda session: None
        self._server: Server | None = None

    def open(self) -> None:
        """Take calls."""
        host, _, port = self.address.rpartition(":")
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen()
        self._server = Server(listener, self._esl, lambda session: self.do(session))
        self._server.start()

    def close(self) -> None:
        """Refuse to be connected to."""
        assert self._server is not None
        self._server.drain(0)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """A controller that does what the test wants."""
    desk = Desk()
    desk.open()
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def switch(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A FreeSWITCH whose first controller is away and whose second is the desk."""
    switch = Switch(tmp_path_factory.mktemp("switch"), f"{HOST}:{free_port()}|{desk.address}")
    try:
        yield switch.start()
    finally:
        switch.stop()


@pytest.fixture
def phones(switch: Switch, tmp_path: Path) -> Iterator[Phones]:
    """Phones and edges around the switch."""
    phones = Phones(tmp_path, switch.sip_port)
    yield phones
    phones.stop()
