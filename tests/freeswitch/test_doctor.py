"""`callctl doctor` asks a real FreeSWITCH, started from freeswitch-conf/."""

from itertools import chain

import pytest
from pydantic import SecretStr

from callctl.doctor import node
from callctl.doctor.finding import examine
from callctl.settings import Calls, Edge, Esl, Settings
from callctl.store.migrate import migrate
from tests.freeswitch.phones import Phones
from tests.freeswitch.switch import Switch
from tests.integration.platform import wait

EDGE = Edge(name="a", server_id=1, address="127.0.0.1:5060")


@pytest.fixture(scope="module")
def freeswitch(tmp_path_factory):
    started = Switch(tmp_path_factory.mktemp("switch"), "127.0.0.1:8084|127.0.0.2:8084")
    try:
        started.start()
        yield started
    finally:
        started.stop()


def diagnose(freeswitch, listen="127.0.0.1:8084", edge=EDGE, rooms="default", **changes):
    one = freeswitch.node.model_copy(update=changes)
    settings = Settings(nodes=(one,), edges=(edge,), esl=Esl(listen=listen), calls=Calls(conference_profile=rooms))
    found = chain(examine(node.room(one, settings)), examine(node.sip_room(one)))
    return {each.check.removeprefix("switch."): each for each in found}


def test_the_configuration_in_freeswitch_conf(freeswitch):
    found = diagnose(freeswitch)
    assert {one.verdict for name, one in found.items() if name != "codecs"} == {"ok"}, found
    assert "127.0.0.1:8084|127.0.0.2:8084" in found["dialplan"].what.en
    assert found["limits"].what.en.startswith("0 of 2000 sessions")


@pytest.mark.parametrize(
    ("changes", "check", "what"),
    [
        ({"password": SecretStr("wrong")}, "reachable", "does not accept the password"),
        ({"name": "other"}, "name", "fs1"),
        ({"profile": "core"}, "profile", "core is not up"),
        ({"listen": "127.0.0.1:9"}, "dialplan", "not to 127.0.0.1:9"),
        ({"edge": EDGE.model_copy(update={"address": "192.0.2.1:5060"})}, "peers", "refuses calls of a (192.0.2.1)"),
        ({"rooms": "wide"}, "rooms", "no conference profile wide"),
        ({"sip": "127.0.0.1:9"}, "sip", "nobody listens there"),
    ],
)
def test_what_does_not_fit_it(freeswitch, changes, check, what):
    found = diagnose(freeswitch, **changes)
    assert {name for name, one in found.items() if one.verdict == "fail"} == {check}
    assert what in found[check].what.en


def test_calls_that_reach_no_controller(tmp_path, settings):
    """Nobody listens where the dialplan brings them."""
    migrate(settings.mysql)
    (tmp_path / "switch").mkdir()
    lonely = Switch(tmp_path / "switch", "127.0.0.1:9", name="lonely").start()
    phones = Phones(tmp_path, lonely.sip_port)
    try:
        found = examine(node.room(lonely.node, settings))
        assert [one.verdict for one in found if one.check == "switch.arrivals"] == ["ok"]
        wait(lambda: phones.caller("stays", "1002", 100).wait().final.status == 503, "a call was refused")
        found = examine(node.room(lonely.node, settings))
        [answer] = [one for one in found if one.check == "switch.arrivals"]
    finally:
        phones.stop()
        lonely.stop()
    assert answer.verdict == "fail"
    assert "calls reached a controller" in answer.what.en
