"""A real FreeSWITCH, started from freeswitch-conf/ in a folder of its own."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

import gevent
from gevent import subprocess
from pydantic import SecretStr

from callctl.errors import ConfigError, Gone, ServiceAway
from callctl.esl.feed import Feed
from callctl.settings import Node
from tests.freeswitch.phones import HOST
from tests.integration.platform import wait
from tests.ports import free_port

CONFIGURATION = Path(__file__).parents[2] / "freeswitch-conf"
NICE = 10  # about a tenth of the weight of 0 (sched(7))
GROUPED = Path("/proc/sys/kernel/sched_autogroup_enabled")  # where the kernel shares processors among sessions
RTP = {"FREESWITCH_RTP_START": "16384", "FREESWITCH_RTP_END": "19998"}


class Switch:
    """The process, and how to reach it: `node` is its entry in callctl's settings."""

    def __init__(
        self, folder: Path, controllers: str, *, name: str = "fs1", host: str = HOST, **environment: str
    ) -> None:
        self.folder = folder
        self.sip_port = free_port()
        self.node = Node(
            name=name, esl=f"{HOST}:{free_port()}", sip=f"{host}:{self.sip_port}", password=secrets.token_hex(12)
        )
        self._environment = {
            "FREESWITCH_NODE": self.node.name,
            "FREESWITCH_SIP_IP": host,
            "FREESWITCH_SIP_PORT": str(self.sip_port),
            "FREESWITCH_ESL_PORT": self.node.esl.rpartition(":")[2],
            "FREESWITCH_ESL_PASSWORD": self.node.password.get_secret_value(),
            "FREESWITCH_CONTROLLERS": controllers,
            **RTP,
            **environment,
        }
        self._process: subprocess.Popen | None = None

    @property
    def entry(self) -> dict[str, str]:
        """`node` as the settings file has it."""
        return self.node.model_dump(exclude_defaults=True) | {"password": self.node.password.get_secret_value()}

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def set_password(self, password: str | None) -> None:
        """Start it with another password in its environment, or with none."""
        self._environment.pop("FREESWITCH_ESL_PASSWORD")
        if password is not None:
            self._environment["FREESWITCH_ESL_PASSWORD"] = password

    def start(self) -> Switch:
        """Start it, the first time or again, and return when it takes calls."""
        if not (self.folder / "conf").exists():
            shutil.copytree(CONFIGURATION, self.folder / "conf")
        # -np: what it is tested with shares its processors.
        command = ["freeswitch", "-nf", "-nc", "-nonat", "-nort", "-np", "-conf", str(self.folder / "conf")]
        for place in ("log", "db", "run", "temp", "storage", "recordings", "cache"):
            (self.folder / place).mkdir(exist_ok=True)
            command += [f"-{place}", str(self.folder / place)]
        with (self.folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd=self.folder,
                env={**os.environ, **self._environment}, start_new_session=True,
            )  # fmt: skip
        try:
            wait(self._is_up, "FreeSWITCH takes calls")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log[-4000:]}") from None
        return self

    def give_way(self) -> None:
        """Take a tenth of the weight of what answers it, as docs/install.md has it where they share a machine."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), NICE)
        if GROUPED.exists() and GROUPED.read_text().strip() == "1":  # then its session's weight counts
            Path(f"/proc/{self.pid}/autogroup").write_text(str(NICE))

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log[-4000:]
        try:
            return "RUNNING" in self.api("sofia status")
        except ServiceAway:
            return False
        except ConfigError:
            return True  # it does not know the password we think of, so it answers

    def api(self, text: str, password: str = "") -> str:
        """What an api command prints, asked on a socket of its own; `password` where it is not the node's."""
        node = self.node.model_copy(update={"password": SecretStr(password)}) if password else self.node
        feed = Feed(node, 10.0)
        try:
            feed.connect()
            gevent.spawn(_read, feed)
            return feed.api(text)
        finally:
            feed.stop()

    @property
    def log(self) -> str:
        """What it wrote."""
        files = (self.folder / "console", self.folder / "log" / "freeswitch.log")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def stop(self) -> None:
        """End it at once: nothing of it is kept."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def pair(folder: Path, controllers: str, network: str) -> list[Switch]:
    """Two nodes that send calls on to each other, not started: fs1 at NETWORK.11 and fs2 at NETWORK.12."""
    switches = []
    for number in (1, 2):
        place = folder / f"fs{number}"
        place.mkdir()
        switches.append(
            Switch(
                place, controllers, name=f"fs{number}", host=f"{network}.1{number}", FREESWITCH_PEERS="127.0.0.0/8"
            )
        )
    return switches


def _read(feed: Feed) -> None:
    with suppress(Gone):
        feed.listen(lambda event: None)
