"""docs/install.md, followed line by line in a clean Debian root; then the same again, which is an upgrade.

What this host needs to reach package registries is given to the root as well: the guide is about callctl. The root
has no systemd running: what its services would start is started by hand, as the same user.
"""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
GUIDE = PROJECT / "docs" / "install.md"
CLONE = "git clone https://example.net/callctl.git"
REACHING = (
    "etc/resolv.conf", "etc/hosts", "etc/apt/sources.list", "etc/apt/sources.list.d", "etc/apt/apt.conf.d",
    "etc/apt/auth.conf.d", "etc/apt/keyrings", "etc/pip.conf", "etc/xdg/pip", "etc/ssl/certs",
    "usr/local/share/ca-certificates", "root/.config/pip", "root/.pip",
)  # fmt: skip
READY = """
for try in $(seq 150); do
  python3 -c 'from urllib.request import urlopen; urlopen("http://127.0.0.1:8085/healthz")' 2>/dev/null && break
  sleep 0.2
done
"""
CALLS = 'mariadb -N -e "SELECT kind, state FROM callctl.cdr"'
NOT_INSTALLED_HERE = {"switch.reachable"}

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.geteuid() != 0, reason="a clean root is made by root"),
    pytest.mark.skipif(shutil.which("debootstrap") is None, reason="debootstrap is not on this machine"),
]


def blocks() -> list[str]:
    """What the guide says to type, block by block."""
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


class Root:
    """A Debian of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = "/"

    def make(self) -> None:
        release = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.MULTILINE)
        assert release is not None
        debootstrap = ["debootstrap", "--variant=minbase", release[1], str(self.folder)]
        subprocess.run(debootstrap, check=True, capture_output=True)
        for name in REACHING:
            self._copy(name)
        for kind in ("proc", "sysfs"):
            target = self.folder / ("sys" if kind == "sysfs" else kind)
            subprocess.run(["mount", "-t", kind, kind, str(target)], check=True)
        subprocess.run(["mount", "--bind", "/dev", str(self.folder / "dev")], check=True)
        # The clone comes from here: the guide's address is an example.
        subprocess.run(
            ["git", "clone", "--quiet", "--bare", str(PROJECT), str(self.folder / "callctl.git")], check=True
        )

    def _copy(self, name: str) -> None:
        source, target = Path("/") / name, self.folder / name
        if not source.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, symlinks=False, ignore_dangling_symlinks=True)
        else:
            shutil.copy(source, target)

    def run(self, script: str, **environment: str) -> str:
        """Type a block; it goes on in the folder where the last one ended."""
        done = subprocess.run(
            ["chroot", str(self.folder), "/bin/sh", "-eu", "-c", f"cd {self.where}\n{script}\npwd > /tmp/where"],
            capture_output=True, text=True, check=False, timeout=900,
            env={**self._environment(), **environment},
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        self.where = (self.folder / "tmp" / "where").read_text().strip()
        return done.stdout

    @staticmethod
    def _environment() -> dict[str, str]:
        environment = os.environ.items()
        reaching = {name: value for name, value in environment if name.lower().endswith("_proxy") or "PIP_" in name}
        return {**reaching, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}  # fmt: skip

    def spawn(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on."""
        return subprocess.Popen(["chroot", str(self.folder), *command], env=self._environment())

    def end(self) -> None:
        """Stop what runs in it, and take it away."""
        for service in ("mariadb", "redis-server"):
            subprocess.run(["chroot", str(self.folder), "service", service, "stop"], check=False, capture_output=True)
        for part in ("dev", "sys", "proc"):
            subprocess.run(["umount", "--lazy", str(self.folder / part)], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = Root(tmp_path_factory.mktemp("debian") / "root")
    try:
        root.make()
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
