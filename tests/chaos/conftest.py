"""One platform for all of chaos, with a MariaDB and a Redis of its own; what a test breaks is whole before the next."""

import os
import signal
from contextlib import contextmanager

import gevent
import pytest

from deploy.private_services import running, start, stop_mysql, stop_redis
from tests.integration.platform import Platform, alive, wait


class Chaos(Platform):
    """A platform whose services can be stopped, stalled and started again."""

    def _server(self, name):
        return int((self.services.folder / f"{name}.pid").read_text())

    def stop_mysql(self):
        stop_mysql(self.services.folder)

    def stop_redis(self):
        stop_redis(self.services.folder)

    def start_services(self):
        start(self.services.folder)

    @contextmanager
    def stalled(self, name):
        """A service is there and says nothing."""
        server = self._server(name)
        os.kill(server, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(server, signal.SIGCONT)

    @property
    def host(self):
        """The first controller."""
        return self.serves[0]

    def mend(self):
        """Start what does not run, and end the calls that a test left."""
        if not all(alive(self._server(name)) for name in ("mysql", "redis")):
            self.start_services()
        for name, node in self.nodes.items():
            for call in node.calls():
                call.hang_up("NORMAL_CLEARING")
            wait(lambda node=node: not node.calls(), f"{name} is quiet")
        if self.host.process.poll() is not None:
            self.host.spawn()
        self.host.await_ready()
        wait(lambda: self.host.readyz()["redis"] and self.host.metric("callctl_spool_records") == 0, "all is written")


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    with running(tmp_path_factory.mktemp("services")) as services:
        settings = {
            "calls": {"ring_timeout": 600},  # 12 seconds of the nodes' time
            "location": {"deadline": 2.0},
            "esl": {"allowed": ["127.0.0.1/32"], "command_timeout": 2.0},
        }
        with Chaos(tmp_path_factory.mktemp("chaos"), services, settings=settings) as platform:
            platform.start()
            yield platform


@pytest.fixture
def platform(whole):
    yield whole
    gevent.sleep(0)
    whole.mend()
