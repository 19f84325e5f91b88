"""docs/install.md, followed line by line in a clean Debian root; then the same again, which is an upgrade.

What this host needs to reach package registries is given to the root as well: the guide is about callctl. The root
has no systemd running: what its services would start is started by hand, as the same user.
"""

import json
import os
import re
import subprocess
import time

import pytest

from tests.install.debian import MARKS, PROJECT, Root

GUIDE = PROJECT / "docs" / "install.md"
CLONE = "git clone https://example.net/callctl.git"
READY = """
for try in $(seq 150); do
  python3 -c 'from urllib.request import urlopen; urlopen("http://127.0.0.1:8085/healthz")' 2>/dev/null && break
  sleep 0.2
done
"""
CALLS = 'mariadb -N -e "SELECT kind, state FROM callctl.cdr"'
NOT_INSTALLED_HERE = {"switch.reachable", "switch.sip", "edge.reachable"}

pytestmark = MARKS


def blocks() -> list[str]:
    """What the guide says to type, block by block."""
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def root(tmp_path_factory, clean):
    root = Root(tmp_path_factory.mktemp("debian") / "root")
    try:
        root.make(clean)
        # The clone comes from here: the guide's address is an example.
        clone = ["git", "clone", "--quiet", "--bare", str(PROJECT), str(root.folder / "callctl.git")]
        subprocess.run(clone, check=True)
        yield root
    finally:
        root.end()


def test_the_guide_installs_a_callctl_that_serves_and_a_second_run_changes_nothing(root):
    said = [root.run(block.replace(CLONE, "git clone --quiet /callctl.git")) for block in blocks()]
    assert any("UTC\n" in text and "noeviction" in text for text in said)
    assert any("+ endpoint 1001@example.net" in text for text in said)

    unit = (root.folder / "etc/systemd/system/callctl.service").read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command is not None
    serve = root.spawn("runuser", "-u", "callctl", "--", *command[1].split())
    try:
        root.run(READY)
        root.run("callctl sim --mix echo --calls 1")
        calls = root.run(f"for try in $(seq 100); do {CALLS} | grep final && break; sleep 0.2; done")
        assert calls.split() == ["service", "final"]
        findings = [json.loads(line) for line in root.run("callctl --json doctor || true").splitlines()]
        failing = {finding["check"] for finding in findings if finding["verdict"] == "fail"}
        assert failing <= NOT_INSTALLED_HERE, failing
    finally:
        serve.terminate()
        serve.wait(timeout=60)

    root.run(
        "apt-get install -y -qq --no-install-recommends systemd >/dev/null\n"
        "systemd-analyze verify --man=no /etc/systemd/system/callctl.service /etc/systemd/system/callctl-backup.timer\n"
        "systemd-analyze security --offline=true --threshold=20 /etc/systemd/system/callctl.service"
    )

    kept = {name: (root.folder / "etc/callctl" / name).read_bytes() for name in ("callctl.toml", "mysql.password")}
    before = os.readlink(root.folder / "opt/callctl/current")
    time.sleep(1)  # a release is named by the second
    root.run("deploy/databases.sh 127.0.0.1\ndeploy/install.sh")
    assert {name: (root.folder / "etc/callctl" / name).read_bytes() for name in kept} == kept
    assert os.readlink(root.folder / "opt/callctl/current") != before
    assert (root.folder / before.lstrip("/")).is_dir(), "the release before stays, to go back to"
    assert "0 changes made" in root.run("callctl --lang en apply -f /etc/callctl/company.yaml")
