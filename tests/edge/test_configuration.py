"""Kamailio takes the files as they are in deploy/, and each part that an edge may leave out may be left out."""

import re
import shutil
import subprocess

import pytest

from tests.edge.platform import DEPLOY, PATH

KAMAILIO = shutil.which("kamailio", path=PATH)
pytestmark = pytest.mark.skipif(KAMAILIO is None, reason="no kamailio: sh deploy/packages.sh test")


@pytest.mark.parametrize("without", ["nothing", "RTPENGINE", "TLS"])
def test_the_configuration_is_one_that_kamailio_takes(tmp_path, without):
    for file in (DEPLOY / "kamailio").glob("*.cfg"):
        (tmp_path / file.name).write_text(file.read_text())
    facts = (tmp_path / "edge.cfg").read_text()
    leave_out = {"nothing": "(?!)", "RTPENGINE": "define RTPENGINE", "TLS": "TLS_|listen=tls"}[without]
    (tmp_path / "edge.cfg").write_text("".join(x for x in facts.splitlines(True) if not re.search(leave_out, x)))
    command = [KAMAILIO, "-c", "-f", tmp_path / "kamailio.cfg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stderr
    assert "CRITICAL" not in done.stderr
    assert ("tls: " in done.stdout) == (without != "TLS")
