"""The images of deploy/compose.yaml: their steps in a clean Debian root, in place of an engine that builds them."""

import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from tests.install.debian import MARKS, PROJECT, Root

DOCKER = PROJECT / "deploy" / "docker"
COMPOSE = yaml.safe_load((PROJECT / "deploy" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
IGNORED = (PROJECT / ".dockerignore").read_text().split()


def steps(image: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, in order; its stages follow each other in one root."""
    text = (DOCKER / f"{image}.Dockerfile").read_text().replace("\\\n", " ")
    return [(word, rest) for word, rest in re.findall(r"^([A-Z]+) (.*)$", text, re.MULTILINE)]


def build(root: Root, image: str) -> None:
    """Do what an engine would."""
    for word, rest in steps(image):
        if word == "RUN":
            root.run(rest.replace("rm -rf /var/lib/apt/lists/*", "true"))
        elif word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            goal = root.folder / target.strip("/")
            if sources == ["."]:
                shutil.copytree(PROJECT, goal, ignore=shutil.ignore_patterns(*IGNORED))
                continue
            for source in (found for pattern in sources for found in sorted(PROJECT.glob(pattern))):
                shutil.copy(source, goal / source.name if target.endswith("/") else goal)


@pytest.fixture(scope="module")
def root(tmp_path_factory, clean):
    root = Root(tmp_path_factory.mktemp("debian") / "root")
    try:
        root.make(clean)
        yield root
    finally:
        root.end()


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_of_the_platform_is_whole(service):
    one = SERVICES[service]
    assert "build" in one or re.search(r":v?[0-9]+(\.[0-9]+)+$", one["image"]), "an image of others is pinned"
    if one.get("restart") != "no":
        assert "healthcheck" in one
    for name in one.get("secrets", ()):
        assert COMPOSE["secrets"][name]["file"].startswith("./docker/secrets/")
    for each in one.get("configs", ()):
        assert (PROJECT / "deploy" / COMPOSE["configs"][each["source"]]["file"]).is_file()
    if "build" in one:
        assert (PROJECT / one["build"]["dockerfile"]).is_file()
    for needed in one.get("depends_on", ()):
        assert needed in SERVICES
    assert not one.get("privileged")
    assert "PASSWORD" not in str({key: value for key, value in (one.get("environment") or {}).items()
                                  if not key.endswith(("_FILE", "__FILE"))})  # fmt: skip


def test_only_edges_and_their_relay_are_seen_from_outside():
    seen = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    local = {name for name, ports in seen.items() if all(str(port).startswith("127.0.0.1:") for port in ports)}
    assert set(seen) - local == {"kam-a", "kam-b", "relay"}
    assert COMPOSE["networks"]["core"]["internal"]


class TestBuilt:
    """In one root: nothing of one image hinders the others."""

    pytestmark = MARKS

    def test_callctl(self, root):
        build(root, "callctl")
        assert "callctl, version" in root.run("runuser -u callctl -- /opt/callctl/bin/callctl --version")
        root.run("mkdir -p /run/secrets && for name in node mysql redis; do echo secret > /run/secrets/$name; done")
        shutil.copy(DOCKER / "callctl.toml", root.folder / "etc" / "callctl.toml")
        said = root.run("runuser -u callctl -- /opt/callctl/bin/callctl --config /etc/callctl.toml explain --to 1 "
                        "--endpoint 1001@example.net 2>&1 || true")  # fmt: skip
        assert "MySQL at 172.28.5.30:3306" in said, "the settings are valid"

    def test_an_edge_accepts_the_configuration_that_its_environment_makes(self, root):
        build(root, "edge")
        root.run("mkdir -p /run/secrets && echo secret | tee /run/secrets/kamailio > /run/secrets/route")
        # In the place of Kamailio: it looks at the configuration, and says so.
        root.run("mkdir -p /tmp/bin && printf '#!/bin/sh\\nexec /usr/sbin/kamailio -c \"$@\"\\n' > /tmp/bin/kamailio "
                 "&& chmod +x /tmp/bin/kamailio")  # fmt: skip
        names = {"PUBLIC_IP": "203.0.113.1", "EDGE_DOMAIN": "kam-a.example.net"}
        environment = {**SERVICES["kam-a"]["environment"], **names}
        assert "config file ok" in root.run("PATH=/tmp/bin:$PATH sh /usr/local/bin/edge.sh 2>&1", **environment)

    def test_tables_are_made_once(self, root, services):
        admin = f"mariadb --socket {services.mysql_socket}"
        sql = root.folder / "etc" / "callctl" / "databases.sql"
        sql.parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / "deploy" / "databases.sql", sql)
        with (root.folder / "etc" / "hosts").open("a") as hosts:
            hosts.write("127.0.0.1 mysql\n")
        root.run("for name in mysql_root mysql kamailio; do echo tried > /run/secrets/$name; done")
        try:
            _admin(admin, "CREATE USER root@127.0.0.1 IDENTIFIED BY 'tried'")
            _admin(admin, "GRANT ALL ON *.* TO root@127.0.0.1 WITH GRANT OPTION")
            environment = {"MYSQL_TCP_PORT": str(services.mysql_port), **SERVICES["tables"]["environment"]}
            for _ in range(2):
                root.run("sh /usr/local/bin/tables.sh", **environment)
            assert _admin(admin, "SELECT COUNT(*) FROM kamailio.dispatcher").strip() == "2"
        finally:
            _admin(admin, "DROP USER IF EXISTS root@127.0.0.1, callctl@'%', kamailio@'%'")

    def test_the_relay(self, root):
        build(root, "relay")
        assert "Version:" in root.run("rtpengine --version 2>&1")


def _admin(client: str, statement: str) -> str:
    command = [*shlex.split(client), "-N", "-e", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
