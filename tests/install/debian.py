"""Clean Debian roots in folders, as a new machine would be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
REACHING = (
    "etc/resolv.conf", "etc/hosts", "etc/apt/sources.list", "etc/apt/sources.list.d", "etc/apt/apt.conf.d",
    "etc/apt/auth.conf.d", "etc/apt/keyrings", "etc/pip.conf", "etc/xdg/pip", "etc/ssl/certs",
    "usr/local/share/ca-certificates", "root/.config/pip", "root/.pip",
)  # fmt: skip

# What every test that makes one needs.
MARKS = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.geteuid() != 0, reason="a clean root is made by root"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is not on this machine"),
]
# Packages are unpacked as in Debian's own images: without documentation, and nothing waits for the disk.
LEAN = ("force-unsafe-io", *(f"path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")))


def bootstrap(folder: Path) -> None:
    """Install the least Debian there is."""
    release = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.MULTILINE)
    assert release is not None
    command = ["mmdebstrap", "--quiet", "--variant=minbase", *(f"--dpkgopt={option}" for option in LEAN)]
    subprocess.run([*command, release[1], str(folder), "http://deb.debian.org/debian"], check=True)


def remove(folder: Path) -> None:
    """Take a root away, and nothing that is still mounted there."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)


class Root:
    """A Debian of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = "/"

    def make(self, clean: Path) -> None:
        """Be a copy of what was bootstrapped, with what this host needs to reach package registries."""
        subprocess.run(["cp", "-a", str(clean), str(self.folder)], check=True)
        for name in REACHING:
            self._copy(name)
        for kind in ("proc", "sysfs"):
            target = self.folder / ("sys" if kind == "sysfs" else kind)
            subprocess.run(["mount", "-t", kind, kind, str(target)], check=True)
        subprocess.run(["mount", "--bind", "/dev", str(self.folder / "dev")], check=True)

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
        remove(self.folder)
