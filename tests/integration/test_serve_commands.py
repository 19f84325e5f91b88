"""What a person or a script types beside a running `callctl serve`: shapes, both languages, exit codes."""

import json
import re
import signal
from contextlib import contextmanager
from datetime import datetime

import pytest
from gevent import subprocess

from tests.integration.platform import COMPANY, DOMAIN, TALKS, Platform, together, wait
from tests.ports import free_port

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ALICE = f"1001@{DOMAIN}"


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("commands"), services) as platform:
        platform.start()
        yield platform


@pytest.fixture(scope="module")
def host(platform):
    return platform.serves[0]


@pytest.fixture(scope="module")
def ended(platform):
    """One answered, one busy, one unknown number."""
    results = [platform.dial(name) for name in ("answered", "busy", "unknown_number")]
    return {result.scenario: (result, platform.story(result)) for result in platform.finish(*results)}


def said(done, code=0):
    """The one JSON object a command printed."""
    assert done.code == code, done
    assert done.err == ""
    (value,) = done.objects
    return value


# migrate and apply


def test_migrate_and_apply_a_second_time_change_nothing(host):
    migrated, english, chinese, applied = together(
        lambda: host.run("migrate", "--json"), lambda: host.run("--lang", "en", "migrate"),
        lambda: host.run("--lang", "zh", "migrate"), lambda: host.run("apply", "-f", str(COMPANY), "--json"),
    )  # fmt: skip
    answer = said(migrated)
    assert answer == {"applied": [], "version": answer["version"]}
    assert (bool(CHINESE.search(english.out)), bool(CHINESE.search(chinese.out))) == (False, True)
    assert said(applied) == {"changes": [], "dry_run": False, "kept": [], "hidden": []}


def test_what_is_applied_holds_for_the_next_calls(platform, host, tmp_path):
    file = tmp_path / "more.yaml"
    file.write_text(
        "accounts: [{name: initech, status: closed}]\nendpoints: [{account: initech, address: 192.0.2.0/28}]\n"
    )
    plan = said(host.run("apply", "--dry-run", "--json", "-f", str(file)))
    assert plan["dry_run"]
    assert [(change["what"], change["key"], change["was"]) for change in plan["changes"]] == [
        ("account", "initech", {}), ("endpoint", "192.0.2.0/28", {}),
    ]  # fmt: skip
    assert platform.story(platform.place("echo", source_ip="192.0.2.1")).cdr["reason"] == "caller_unknown"

    assert said(host.run("apply", "--json", "-f", str(file)))["changes"] == plan["changes"]
    wait(
        lambda: platform.story(platform.place("echo", source_ip="192.0.2.1")).cdr["reason"] == "account_closed",
        "the controller knows the new account",
    )
    pruned = host.run("apply", "--prune", "-f", str(COMPANY))
    assert (pruned.code, pruned.out.splitlines()[:2]) == (0, ["- account initech", "- endpoint 192.0.2.0/28"])


def test_a_wrong_declaration_is_named_by_file_and_line(host, tmp_path):
    wrong, no_yaml = tmp_path / "wrong.yaml", tmp_path / "no.yaml"
    wrong.write_text("accounts:\n  - name: b\n    colour: red\n")
    no_yaml.write_text("accounts:\n  - {name: [\n")
    answers = together(lambda: host.run("apply", "-f", str(wrong)), lambda: host.run("apply", "-f", str(no_yaml)))
    assert [(done.code, done.out, len(done.err.splitlines())) for done in answers] == [(2, "", 1)] * 2
    assert answers[0].err.startswith(f"callctl: {wrong}:3: colour")
    assert answers[1].err.startswith(f"callctl: {no_yaml} is not YAML")
    assert "line 3" in answers[1].err


# explain and why


def test_explain_a_call_that_would_be_made(host):
    answer = said(host.run("explain", "--json", "--endpoint", ALICE, "--to", "102", "--codecs", "G729,PCMU"))
    expected = {
        "outcome": "bridge", "reason": None, "sip": None, "q850": None, "kind": "onnet", "account": "acme",
        "max_seconds": 14_400, "codecs": ["PCMU"],
    }  # fmt: skip
    assert {key: answer[key] for key in expected} == expected
    (target,) = answer["targets"]
    assert target.startswith(f"1002@{DOMAIN} via kam-a ")
    assert [step["check"] for step in answer["steps"]] == ["identify", "account", "destination", "codecs", "locate"]
    assert all(step["verdict"] == "pass" and step["detail"] for step in answer["steps"])


def test_explain_a_call_that_would_be_refused(host):
    ask = ("explain", "--account", "acme", "--to", "9999")
    machine, english, chinese, by_locale = together(
        lambda: host.run(*ask, "--json"), lambda: host.run("--lang", "en", *ask),
        lambda: host.run(*ask, "--lang", "zh"), lambda: host.run(*ask, LC_ALL="zh_CN.UTF-8"),
    )  # fmt: skip
    answer = said(machine, code=1)
    assert (answer["outcome"], answer["reason"], answer["sip"], answer["q850"]) == ("reject", "number_unknown", 404, 1)
    assert answer["steps"][-1]["verdict"] == "fail"
    for done in (english, chinese):
        assert done.code == 1
        assert "number_unknown: SIP 404, Q.850 1" in done.out
    assert "✗ destination" in english.out
    assert not CHINESE.search(english.out)
    assert CHINESE.search(chinese.out)
    assert by_locale.out == chinese.out


def test_explain_holds_and_changes_nothing(platform, host):
    def state():
        return sorted(platform.redis().keys(f"{platform.prefix}*")), platform.rows("SELECT COUNT(*) AS calls FROM cdr")

    before = state()
    room, trunk = together(
        lambda: host.run("explain", "--json", "--account", "acme", "--to", "conf_4711"),
        lambda: host.run("explain", "--json", "--source-ip", "203.0.113.3", "--to", "*43"),
    )
    assert said(room)["outcome"] == "conference"
    assert (said(trunk)["outcome"], said(trunk)["kind"], said(trunk)["account"]) == ("service", "service", "globex")
    assert state() == before


def test_explain_asks_for_one_caller_that_exists(host):
    nobody, unknown = ("explain", "--to", "1"), ("explain", "--to", "1", "--account", "x")
    for done in together(lambda: host.run(*nobody), lambda: host.run(*unknown)):
        assert (done.code, done.out) == (2, "")
        assert done.err
        assert "Traceback" not in done.err


def test_why_a_call_was_busy(host, ended):
    result, story = ended["busy"]
    answer = said(host.run("why", result.uuid, "--json"))
    expected = {
        "outcome": "bridge", "reason": "busy", "sip": 486, "q850": 17, "kind": "onnet", "account": "acme",
        "max_seconds": 14_400, "hangup_cause": "USER_BUSY", "hangup_by": "callee", "call_uuid": result.uuid,
    }  # fmt: skip
    assert {key: answer[key] for key in expected} == expected
    assert answer["targets"] == story.cdr["trace"]["targets"]
    assert [step["check"] for step in answer["steps"]] == ["identify", "account", "destination", "codecs", "locate"]
    assert [(leg["sip_status"], leg["hangup_cause"]) for leg in answer["legs"]] == [(486, "USER_BUSY")]
    assert [event["event"] for event in answer["events"]] == story.names
    assert answer["mend"]
    assert datetime.fromisoformat(answer["started_at"]).utcoffset().total_seconds() == 0


def test_why_in_both_languages(host, ended):
    result, _ = ended["unknown_number"]
    english, chinese, unknown = together(
        lambda: host.run("--lang", "en", "why", result.uuid[:8]), lambda: host.run("--lang", "zh", "why", result.uuid),
        lambda: host.run("why", "00000000-0000-4000-8000-000000000000"),
    )  # fmt: skip
    assert (english.code, chinese.code) == (0, 0)
    assert result.uuid in english.out
    assert "→ number_unknown: " in english.out
    assert not CHINESE.search(english.out)
    assert "→ number_unknown: " in chinese.out
    assert CHINESE.search(chinese.out)
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err.startswith("callctl: ")


# tail and calls


@contextmanager
def tailing(host, file, *arguments):
    """`callctl tail` that runs meanwhile."""
    with file.open("wb") as out:
        process = subprocess.Popen(host.command("tail", *arguments), stdout=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def events(file):
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_tail_shows_a_call_as_it_happens(platform, host, tmp_path):
    file = tmp_path / "tail"
    with tailing(host, file, "--json", "--since", "1m") as process:
        result = platform.talking(platform.dial(TALKS))

        def shown():
            return {event["event"] for event in events(file) if event["call"] == result.uuid}

        wait(lambda: shown() == {"routed", "ringing", "early_media", "answered", "bridged"}, "its events")
        platform.hang_up(result)
        wait(lambda: {"leg_ended", "ended"} <= shown(), "its end")
    assert process.returncode == 0
    lines = [event for event in events(file) if event["call"] == result.uuid]
    assert {frozenset(event) for event in lines} == {frozenset(("event", "call", "at", "node", "account", "data"))}
    assert {(event["node"], event["account"]) for event in lines} == {("sim1", "acme")}
    assert next(event["data"]["to"] for event in lines if event["event"] == "routed") == "1002"
    written = {(event["event"], event["data"].get("leg_uuid")) for event in platform.story(result).events}
    assert {(event["event"], event["data"].get("leg_uuid")) for event in lines} == written


def test_tail_shows_what_is_asked_for_in_both_languages(host, ended, tmp_path):
    busy, unknown = ended["busy"][0].uuid, ended["unknown_number"][0].uuid
    machine, english, chinese = (tmp_path / name for name in ("machine", "english", "chinese"))
    with (
        tailing(host, machine, "--json", "--since", "1h", "--number", "1004", "--account", "acme"),
        tailing(host, english, "--lang", "en", "--since", "1h", "--call", unknown),
        tailing(host, chinese, "--lang", "zh", "--since", "1h", "--call", unknown),
    ):
        wait(lambda: "ended" in {event["event"] for event in events(machine)}, "the busy call")
        for file in (english, chinese):
            wait(lambda file=file: len(file.read_text().splitlines()) == 2, "the refused call")
    assert {event["call"] for event in events(machine)} == {busy}
    for file, is_chinese in ((english, False), (chinese, True)):
        assert "number_unknown: " in file.read_text()
        assert bool(CHINESE.search(file.read_text())) == is_chinese


def test_tail_refuses_a_time_it_does_not_understand(host):
    done = host.run("tail", "--since", "yesterday")
    assert done.code == 2
    assert "10m" in done.err


def test_calls_that_are_up(platform, host):
    def mirrored():
        return [json.loads(call)["state"] for call in platform.redis().hvals(f"{platform.prefix}live:sim1")]

    wait(lambda: mirrored() == [], "no call is up")
    result = platform.talking(platform.dial(TALKS))
    wait(lambda: mirrored() == ["answered"], "the call is up")
    listed, english, chinese = together(
        lambda: host.run("calls", "--json"), lambda: host.run("--lang", "en", "calls"),
        lambda: host.run("--lang", "zh", "calls"),
    )  # fmt: skip
    call = said(listed)
    expected = {
        "uuid": result.uuid, "state": "answered", "account": "acme", "from": "1001", "to": "1002", "node": "sim1",
    }  # fmt: skip
    assert {key: call[key] for key in expected} == expected
    assert call["since"] > 0
    assert result.uuid in english.out
    assert not CHINESE.search(english.out)
    assert result.uuid in chinese.out
    assert CHINESE.search(chinese.out)
    platform.hang_up(result)
    wait(lambda: mirrored() == [], "no call is up")
    assert host.run("calls", "--json") == (0, "", "")


# services away


AWAY = {
    "why": ("MYSQL", ["why", "1"]),
    "tail": ("REDIS", ["tail"]),
    "explain": ("REDIS", ["explain", "--account", "acme", "--to", "conf_1"]),
}


@pytest.fixture(scope="module")
def away(host):
    """What each command says when the service it needs is away, and where that should have been."""
    port = free_port()

    def ask(service, arguments):
        return host.run(*arguments, **{f"CALLCTL_{service}__PORT": str(port)})

    answers = together(*(lambda case=case: ask(*case) for case in AWAY.values()))
    return port, dict(zip(AWAY, answers, strict=True))


@pytest.mark.parametrize("command", AWAY)
def test_a_service_that_is_away_is_exit_3(away, command):
    port, answers = away
    done = answers[command]
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("callctl: ")
    assert f"127.0.0.1:{port}" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_location_table_that_is_missing_is_named_by_explain(host):
    done = host.run("explain", "--account", "acme", "--to", "102", CALLCTL_LOCATION__TABLE="kamailio.locations")
    assert done.code == 1
    assert "location_away: SIP 503" in done.out
    assert "kamailio.locations" in done.out
