"""`callctl doctor` as people and programs read it, on an installation that is well."""

import json
import re
import sys
import time
from pathlib import Path

import gevent
import pytest
from gevent import subprocess as green

from callctl.doctor import host
from callctl.doctor.installation import examine_all
from tests.integration.doctor.bench import diagnose, run, write

PAGES = Path(__file__).parents[3] / "docs"


def test_a_healthy_installation(installation, tmp_path):
    settings, _ = installation
    file = write(settings, tmp_path)
    done = run(file, "--json", "--lang", "en")
    findings = [json.loads(line) for line in done.out.splitlines()]
    assert [one for one in findings if one["verdict"] != "ok"] == []
    assert {"check", "about", "verdict", "what", "mend"} == set(findings[0])
    assert len(findings) == len({(one["check"], one["about"]) for one in findings}) > 50
    assert (done.code, done.err) == (0, "")


def test_what_people_read(installation, tmp_path):
    settings, node = installation
    file = write(settings, tmp_path)
    node.name = "other"
    english, chinese = run(file, "--lang", "en"), run(file, "--lang", "zh")
    assert english.code == chinese.code == 1
    assert "✗ switch.name sim1           it calls itself other, and the settings call it sim1\n" in english.out
    assert "→ Set [[nodes]] name to other" in english.out
    assert "→ 请将 [[nodes]] name 设为 other" in chinese.out
    assert english.out.splitlines()[-1].endswith("0 to look at, 1 failed, 0 not examined")
    node.stop()
    english, chinese = run(file, "--lang", "en"), run(file, "--lang", "zh")
    assert "✗ switch.reachable sim1      FreeSWITCH sim1 cannot be reached" in english.out
    assert f"✗ switch.reachable sim1      无法登录 {settings.nodes[0].esl} 的事件套接字" in chinese.out
    assert "· switch.name … arrivals sim1 not examined, as what it needs failed\n" in english.out
    assert english.out.splitlines()[-1].endswith("0 to look at, 1 failed, 13 not examined")


def test_settings_that_cannot_be_read(tmp_path):
    file = tmp_path / "callctl.toml"
    file.write_text("[redis]\nprot = 1\n")
    done = run(file)
    assert (done.code, done.out) == (2, "")
    assert "redis.prot: there is no such setting" in done.err


def test_beside_a_controller_that_serves(installation, tmp_path):
    settings, _ = installation
    file = write(settings, tmp_path)
    with (tmp_path / "log").open("wb") as log:
        serving = green.Popen([sys.executable, "-m", "callctl", "--config", str(file), "serve"], stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not host._is_ours(settings.http.listen):
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            gevent.sleep(0.1)
        while (found := diagnose(settings))["redis.money"].verdict != "ok":  # it was only just started
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        assert [one for one in found.values() if one.verdict == "fail"] == []
        assert found["redis.money"].what.en == "it was told what calls hold and owe"
        assert "callctl serve listens" in found["host.esl_port"].what.en
        assert "callctl serve listens" in found["host.http_port"].what.en
        assert found["host.backlog"].what.en == "0 records wait for MySQL"
    finally:
        serving.terminate()
        serving.wait()


@pytest.mark.parametrize("page", ["doctor.md", "doctor.zh.md"])
def test_every_check_stands_in_the_page(installation, page):
    settings, _ = installation
    said = [one.check for one in examine_all(settings, None)]
    written = re.findall(r"^\| `(\w+\.\w+)` \|", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(written) == sorted(set(said))
