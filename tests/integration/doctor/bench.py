"""How tests break an installation and look what is said of it."""

import json
import re
import socket
import tempfile
from contextlib import closing
from pathlib import Path

import gevent
from gevent import socket as green_socket

from callctl import declaration
from callctl.doctor.installation import examine_all
from callctl.store import configuration
from callctl.store.pool import Pool
from tests.command import callctl

ROWS = Path(__file__).parents[2] / "data" / "kamailio" / "location_rows.sql"
DATABASE = "kamailio_doctor"
PASSWORD = "0d1c7a"


class SipSpeaker:
    """Answers OPTIONS by UDP: 200 for what is its own, else 404 as deploy/kamailio does, or `says`; None: no SIP."""

    def __init__(self, host):
        self._socket = green_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.address = f"{host}:{self._socket.getsockname()[1]}"
        self.own = {self.address, "[::1]:5062"}
        self.away = set()  # nodes that do not answer it
        self.says = ""
        self._serving = gevent.spawn(self._serve)

    def close(self):
        """Be gone."""
        self._serving.kill()
        self._socket.close()

    def _serve(self):
        while True:
            data, asker = self._socket.recvfrom(65536)
            user, _, uri = data.split()[1].decode().removeprefix("sip:").rpartition("@")
            to = re.search(rb"To: <sip:([^>]+)", data)[1].decode()
            away = user == "nodes" and (to in self.away or to.endswith("callctl.invalid:5060"))
            status = self.says or (
                "503 Node Is Not Called" if away else "200 OK" if uri in self.own else "404 Not My Address"
            )
            if status != "silence":
                first = f"SIP/2.0 {status}".encode() if self.says is not None else b"hello"
                self._socket.sendto(data.replace(data.split(b"\r\n")[0], first, 1), asker)


def configure(settings, text):
    """Make what is configured what a file says."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        with closing(Pool(settings.mysql, 1)) as pool:
            configuration.apply(pool, declaration.read([Path(file.name)]).among, prune=True, dry_run=False)


def diagnose(settings):
    """What each check says; of several things what it says of the last that is not well, else of the last."""
    found = {}
    for one in examine_all(settings, None):
        if one.check not in found or one.verdict != "ok":
            found[one.check] = one
    return found


def expect(settings, check, verdict, what, mend, also=()):
    """`check` says so in both languages, and no other fails but `also` and what is skipped for it."""
    found = diagnose(settings)
    assert found[check].verdict == verdict, found[check]
    assert what in found[check].what.en
    assert re.search("[一-鿿]", found[check].what.zh)
    assert mend in found[check].mend.en
    assert re.search("[一-鿿]", found[check].mend.zh) or found[check].mend.zh == found[check].mend.en
    others = {name: one for name, one in found.items() if one.verdict == "fail" and name not in {check, *also}}
    assert not others, others
    return found


def with_node(settings, **changes):
    return settings.model_copy(update={"nodes": (settings.nodes[0].model_copy(update=changes),)})


def with_edges(settings, *edges):
    return settings.model_copy(update={"edges": edges})


def write(settings, folder):
    """The settings as a file."""
    file = folder / "callctl.toml"
    node, mysql, redis = settings.nodes[0], settings.mysql, settings.redis
    edges = "".join(
        f'[[edges]]\nname = "{edge.name}"\nserver_id = {edge.server_id}\naddress = "{edge.address}"\n'
        f"sockets = {json.dumps(edge.sockets)}\n"
        for edge in settings.edges
    )
    file.write_text(
        f'[esl]\nlisten = "{settings.esl.listen}"\nmax_sessions = 100\n[http]\nlisten = "{settings.http.listen}"\n'
        f'[[nodes]]\nname = "{node.name}"\nesl = "{node.esl}"\nsip = "{node.sip}"\npassword = "{PASSWORD}"\n{edges}'
        f'[mysql]\nport = {mysql.port}\npassword = "{mysql.password.get_secret_value()}"\n'
        f'[redis]\nport = {redis.port}\npassword = "{redis.password.get_secret_value()}"\n'
        f'[location]\ntable = "{settings.location.table}"\n'
        f'[spool]\ndirectory = "{settings.spool.directory}"\nmin_free_mb = 1\n'
    )
    file.chmod(0o600)
    return file


def run(file, *options):
    return callctl("--config", str(file), "doctor", *options)
