"""What `callctl doctor` says of settings, secrets and answers that no service on this machine gives."""

import os
import re
import stat
from pathlib import Path

import gevent
import pytest
from pydantic import SecretStr

from callctl.doctor import dialplan, finding, mysql, redis, secret, switch
from callctl.doctor import settings as fitting
from callctl.doctor.finding import Room, Words, clock, examine, failed, ok
from callctl.errors import ServiceAway, StoreError
from callctl.settings import Edge, Esl, Mysql, Node, Redis, Settings, Spool

NODE = Node(name="fs1", sip="127.0.0.1:5080", password=SecretStr("b7f1"))
EDGE = Edge(name="a", server_id=1, address="127.0.0.1:5061", sockets=("192.0.2.1", "tls:[2001:db8::1]:5061"))
FITTING = Settings(nodes=(NODE,), edges=(EDGE,))
MEND = Words("Mend it.", "修复它。")


def said(settings):
    return {found.check: found for found in examine(fitting.room(settings))}


def test_settings_that_fit():
    assert {found.verdict for found in said(FITTING).values()} == {"ok"}


@pytest.mark.parametrize(
    ("changes", "check", "verdict", "what", "mend"),
    [
        ({"nodes": ()}, "nodes", "fail", "no FreeSWITCH node", "[[nodes]]"),
        ({"edges": ()}, "edges", "fail", "no Kamailio edge", "[[edges]]"),
        ({"edges": (EDGE.model_copy(update={"enabled": False}),)}, "edges", "fail", "enabled", "enable"),
        ({"edges": (EDGE.model_copy(update={"sockets": ("udp:no_port:x",)}),)}, "sockets", "fail", "no_port", "proto"),
        (
            {"edges": (EDGE, EDGE.model_copy(update={"name": "b", "server_id": 2}))},
            "sockets", "fail", "two edges", "one edge",
        ),
        ({"edges": (EDGE.model_copy(update={"address": "kam.test:5060"}),)}, "addresses", "warn", "kam.test", "IP"),
        ({"esl": Esl(allowed=("192.0.2.0/24",))}, "allowed", "fail", "fs1", "[esl] allowed"),
        ({"esl": Esl(allowed=("0.0.0.0/0",))}, "allowed", "warn", "0.0.0.0/0: whoever", "networks only"),
        (
            {"edges": (EDGE.model_copy(update={"address": NODE.sip}),)},
            "places", "fail", "edge a and node fs1 have one address, 127.0.0.1:5080", "[[nodes]] sip",
        ),
        (
            {"nodes": (NODE, NODE.model_copy(update={"name": "fs2", "sip": "127.0.0.2:5080"}))},
            "places", "fail", "node fs1 and node fs2 have one address, 127.0.0.1:8021", "esl",
        ),
        ({"esl": Esl(listen="127.0.0.1:8085")}, "places", "fail", "[esl] listen and [http] listen", "as each"),
        (
            {"nodes": (NODE.model_copy(update={"esl": "192.0.2.9:8021"}),)},
            "listen", "fail", "other hosts cannot reach", "[esl] listen",
        ),
    ],
)  # fmt: skip
def test_settings_that_do_not(changes, check, verdict, what, mend):
    found = said(FITTING.model_copy(update=changes))[f"settings.{check}"]
    assert found.verdict == verdict
    assert what in found.what.en
    assert mend in found.mend.en
    assert all(re.search("[一-鿿]", words.zh) for words in (found.what, found.mend))


@pytest.mark.parametrize(
    ("word", "place"), [("", "is empty"), ("ClueCon", "everybody knows")], ids=["empty", "FreeSWITCH's own"]
)
def test_passwords_that_are_none(word, place):
    safe = {"mysql": Mysql(password=SecretStr("x1")), "redis": Redis(password=SecretStr("x2"))}
    good = secret.passwords(secret.Secrets(FITTING.model_copy(update=safe), None))
    bad = FITTING.model_copy(update=safe | {"nodes": (NODE.model_copy(update={"password": SecretStr(word)}),)})
    answer = secret.passwords(secret.Secrets(bad, None))
    assert good.verdict == "ok"
    assert answer.verdict == "fail"
    assert "fs1" in answer.what.en
    assert place in answer.what.en


@pytest.mark.parametrize(
    ("text", "mode", "verdict"),
    [
        ('[redis]\npassword = "x"\n', 0o644, "warn"),
        ('[redis]\npassword = "x"\n', 0o640, "ok"),
        ('[[nodes]]\nname = "a"\npassword = "x"\n', 0o644, "warn"),
        ('[redis]\npassword = ""\n[mysql]\nuser = "u"\n', 0o644, "ok"),
    ],
)
def test_settings_files_that_everybody_may_read(tmp_path, text, mode, verdict):
    file = tmp_path / "callctl.toml"
    file.write_text(text)
    file.chmod(mode)
    answer = secret.files(secret.Secrets(FITTING, file))
    assert answer.verdict == verdict
    assert verdict == "ok" or str(file) in answer.mend.en


def test_a_password_file_that_everybody_may_read(tmp_path):
    file = tmp_path / "secret"
    file.write_text("x")
    file.chmod(0o644)
    settings = FITTING.model_copy(update={"redis": Redis(password_file=file)})
    assert secret.files(secret.Secrets(settings, None)).verdict == "warn"


@pytest.mark.parametrize(
    ("mode", "owner", "group", "readable"),
    [
        (0o640, 0, 900, True),
        (0o600, 0, 900, False),
        (0o640, 0, 901, False),
        (0o604, 0, 901, True),
        (0o604, 0, 900, False),  # the group's rights are meant for it, be they fewer
        (0o400, 800, 901, True),
    ],
)
def test_who_may_read_a_file(monkeypatch, mode, owner, group, readable):
    status = os.stat_result((stat.S_IFREG | mode, 1, 1, 1, owner, group, 1, 1, 1, 1))
    monkeypatch.setattr(Path, "stat", lambda _self: status)
    user = secret.User("callctl", "callctl", 800, frozenset({900}))
    assert secret.may_read(Path("password"), user) is readable
    assert secret.may_read(Path("password"), user._replace(user_id=0))


def test_files_that_who_serves_cannot_read(monkeypatch, tmp_path):
    file = tmp_path / "callctl.toml"
    file.write_text("")
    asked = secret.Secrets(FITTING, file)
    assert secret.readable(asked).verdict == "ok"
    monkeypatch.setattr(secret, "server", lambda _: secret.User("callctl", "core", 4_000_000, frozenset()))
    file.chmod(0o640)
    answer = secret.readable(asked)
    assert answer.verdict == "fail"
    assert answer.what.en == f"callctl, who runs callctl, cannot read {file}"
    assert answer.mend.en == f"chgrp core {file}; chmod g+r {file}"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives a folder to another user")
def test_who_serves_is_who_owns_the_spool(tmp_path):
    os.chown(tmp_path, 1, -1)
    served = FITTING.model_copy(update={"spool": Spool(directory=tmp_path)})
    assert (secret.server(served).name, secret.server(FITTING).name) == ("daemon", "root")


@pytest.mark.parametrize(
    ("seconds", "doubt", "verdict"),
    [(0.4, 0.0, "ok"), (-3.0, 0.0, "warn"), (3.0, 2.5, "ok"), (40.0, 0.0, "fail"), (-8 * 3600, 0.0, "fail")],
)
def test_clocks(seconds, doubt, verdict):
    assert clock(seconds, doubt, MEND).verdict == verdict


@pytest.mark.parametrize(
    ("error", "cause", "cure"),
    [
        ("It is away: start it.", "It is away.", "Start it."),
        ("It refused (1142: no): correct the user.", "It refused (1142: no).", "Correct the user."),
        ("It refused a statement (1142: denied).", "It refused a statement (1142: denied).", "See the cause above."),
    ],
)
def test_cause_and_cure_of_an_error(error, cause, cure):
    answer = failed(StoreError(error), "修复", "不可用")
    assert (answer.what.en, answer.mend.en, answer.mend.zh) == (cause, cure, "修复")
    assert answer.what.zh.rstrip(".") == f"不可用：{cause}".rstrip(".")


class Opening:
    """Something that can be reached, or not."""

    def __init__(self, error=None):
        self.error, self.closed = error, False

    def __enter__(self):
        if self.error:
            raise self.error
        return "subject"

    def __exit__(self, *_):
        self.closed = True


def broken(_subject):
    return finding.fail("broken", "坏", MEND)


def whole(subject):
    assert subject == "subject"
    return ok("whole", "好")


def away(_subject):
    raise ServiceAway("it went away: bring it back.")


def hanging(_subject):
    gevent.sleep(3600)


def verdicts(**room):
    return {found.check: found.verdict for found in examine(Room("r", **room))}


def test_nothing_is_examined_that_cannot_be_reached():
    opening = Opening(ServiceAway("x: y."))
    assert verdicts(opening=opening, checks=(whole,), where=MEND) == {"r.reachable": "fail", "r.whole": "skip"}


def test_a_gate_that_fails_bars_the_rest():
    opening = Opening()
    assert verdicts(opening=opening, gates=(broken,), checks=(whole,)) == {"r.broken": "fail", "r.whole": "skip"}
    assert opening.closed


def test_a_check_that_fails_bars_nothing():
    seen = verdicts(opening=Opening(), checks=(broken, away, whole))
    assert seen == {"r.broken": "fail", "r.away": "fail", "r.whole": "ok"}


def puzzled(_subject):
    return ok(int("three"), "")


def test_an_answer_that_makes_no_sense_hides_nothing():
    found = list(examine(Room("r", opening=Opening(), checks=(puzzled, whole))))
    assert [one.verdict for one in found] == ["fail", "ok"]
    assert "ValueError: invalid literal" in found[0].what.en
    opening = Opening(KeyError("redis_version"))
    assert verdicts(opening=opening, checks=(whole,), where=MEND) == {"r.reachable": "fail", "r.whole": "skip"}


def test_a_check_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(finding, "DEADLINE", 0.05)
    assert verdicts(opening=Opening(), checks=(hanging, whole)) == {"r.hanging": "fail", "r.whole": "ok"}


class Answers:
    """A pool of a server that gives these answers."""

    def __init__(self, *rows):
        self._rows = list(rows)

    def rows(self, _sql, _values=()):
        return self._rows


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("10.11.19-MariaDB-0+deb12u1", "ok"),
        ("10.5.0-MariaDB", "ok"),
        ("10.4.34-MariaDB", "fail"),
        ("8.0.36", "ok"),
        ("9.4.0", "ok"),
        ("5.7.44-log", "fail"),
    ],
)
def test_versions_of_mysql(text, verdict):
    assert mysql.version(mysql.Asked(Answers((text,)), FITTING)).verdict == verdict


@pytest.mark.parametrize(
    ("grants", "verdict"),
    [
        (["GRANT ALL PRIVILEGES ON `callctl`.* TO `u`@`%`"], "ok"),
        (["GRANT USAGE ON *.* TO u", f"GRANT {', '.join(mysql.NEEDED)} ON `call%`.* TO u"], "ok"),
        (["GRANT ALL PRIVILEGES ON `callct_`.* TO u"], "fail"),
        ([f"GRANT {', '.join(mysql.NEEDED[:-1])} ON `callctl`.* TO u"], "fail"),
        (["GRANT ALL PRIVILEGES ON `other`.* TO u"], "fail"),
        (["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"], "warn"),
        (["GRANT FILE ON *.* TO u", "GRANT ALL PRIVILEGES ON `callctl`.* TO u"], "warn"),
        ([f"GRANT {', '.join(mysql.NEEDED)} ON *.* TO u"], "ok"),
        ([f"GRANT {', '.join(mysql.NEEDED)}, SUPER ON *.* TO u"], "warn"),
    ],
)
def test_grants(grants, verdict):
    assert mysql.privileges(mysql.Asked(Answers(*((line,) for line in grants)), FITTING)).verdict == verdict


@pytest.mark.parametrize(("text", "verdict"), [("5.0.14", "fail"), ("6.0.16", "ok"), ("7.2.4", "ok"), ("10.0.1", "ok")])
def test_versions_of_redis(text, verdict):
    assert redis.version(redis.Asked(None, FITTING, {"redis_version": text})).verdict == verdict


@pytest.mark.parametrize(("most", "now", "verdict"), [(100, 80, "ok"), (100, 81, "warn")])
def test_clients_of_redis(most, now, verdict):
    info = {"maxclients": most, "connected_clients": now}
    assert redis.clients(redis.Asked(None, FITTING, info)).verdict == verdict


@pytest.mark.parametrize(
    ("listen", "hosts", "verdict"),
    [
        ("192.0.2.1:8084", "192.0.2.2:8084|192.0.2.1:8084", "ok"),
        ("192.0.2.1:8084", "192.0.2.1", "ok"),  # the port FreeSWITCH takes when none is said
        ("192.0.2.1:9000", "192.0.2.2:9000|192.0.2.1", "ok"),  # and otherwise that of the host before
        ("192.0.2.1:9000", "192.0.2.1", "fail"),
        ("0.0.0.0:8084", "192.0.2.1:8084", "ok"),
        ("192.0.2.1:8084", "192.0.2.1:8084/path", "ok"),
        ("192.0.2.1:8084", "core.test:8084", "warn"),
    ],
)
def test_controllers_of_the_dialplan(listen, hosts, verdict):
    asked = switch.Asked(None, NODE, FITTING.model_copy(update={"esl": Esl(listen=listen)}))
    problem = dialplan._not_us(asked, hosts)
    assert (problem.verdict if problem else "ok") == verdict
