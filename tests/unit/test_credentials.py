"""Passwords of carriers: how one comes from its file into a dial string, and that nothing else ever shows it."""

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from callctl.call import carry_out, credentials, facts
from callctl.call.decide import decide
from callctl.call.world import DryFacts, Facts
from callctl.errors import ConfigError, UnsafeText
from callctl.esl import command
from callctl.language import say
from tests.unit.company import World, request, settings
from tests.unit.test_decide_outside import CALLER, GOOD, NUMBER, TARIFFS, carriers, directory, entry
from tests.wire.budget import fuzz
from tests.wire.grammar import brackets, originate, packets

SIGNS = '!"#$%&()*+,./;<=>?@^_`-'
LETTERS = string.ascii_letters + string.digits + SIGNS
SECRET = f"S3cret{SIGNS}"
TOLD = [("no file", None), ("", ""), ("a b", "a b"), ("a:b", "a:b"), ("a]b", "a]b"), ("é", "é"), ("long", "x" * 129)]


def scoped(said):
    """The variables of the application alone, and what is left of its argument, which stands in FreeSWITCH's log."""
    assert said.headers["execute-app-name"] == "bridge"
    assert said.body.startswith("%~[")
    return brackets(said.body.removeprefix("%~"), "[", "]", "~")


@given(st.text(LETTERS, min_size=1, max_size=128))
@fuzz(300)
def test_a_bridge_has_its_password_as_it_is(password):
    (said,) = packets(command.bridge("{a=b}sofia/internal/1", "x", command.Credentials("me", SecretStr(password))))
    scope, rest = scoped(said)
    assert scope == {
        "export_vars": "sip_auth_username,sip_auth_password", "sip_auth_username": "me", "sip_auth_password": password
    }  # fmt: skip
    assert rest == "{a=b}sofia/internal/1"


@given(st.text(max_size=140))
@fuzz(300)
def test_a_password_that_would_not_come_through_is_refused_and_not_shown(text):
    if set(text) <= set(LETTERS) and 1 <= len(text) <= 128:
        assert command.password(text) == text
        return
    with pytest.raises(UnsafeText) as raised:
        command.password(text)
    assert str(raised.value) == f"No password for FreeSWITCH: {command.PASSWORDS}."


@pytest.mark.parametrize(("_what", "text"), TOLD)
def test_a_file_that_has_none_is_named_and_not_shown(tmp_path, _what, text):
    file = tmp_path / "carrier.password"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        credentials.password(file)
    why = credentials.lacking(file)
    assert why == str(raised.value)
    assert str(file) in why
    assert not text or text not in why.removeprefix(str(file)).removesuffix(command.PASSWORDS)


def test_a_files_last_line_end_is_not_the_passwords(tmp_path):
    file = tmp_path / "carrier.password"
    file.write_text(f"{SECRET}\n")
    assert credentials.password(file).get_secret_value() == SECRET
    assert credentials.lacking(file) == ""


def test_of_a_live_call_it_is_logged_with_the_mend(tmp_path):
    file, live, dry = tmp_path / "none", object.__new__(Facts), object.__new__(DryFacts)
    with capture_logs() as logs:
        assert live.no_password(file) == dry.no_password(file) == f"{file} cannot be read: No such file or directory"
    assert [(line["log_level"], line["error"], line["mend"]) for line in logs] == [
        ("error", f"{file} cannot be read: No such file or directory", credentials.MEND)
    ]


@pytest.fixture
def known(tmp_path):
    file = tmp_path / "good.password"
    file.write_text(SECRET)
    own = [replace(GOOD, username="me", password_file=file), replace(GOOD, name="other", tariff="t-good")]
    return file, directory([entry("good", "other")], carriers=own)


def decision_of(known, world):
    asked = request(asserted=CALLER.name, called=NUMBER)
    return asked, decide(asked, known, world, settings(("pstn",)))


def test_a_carrier_whose_password_is_not_there_is_passed_over(known):
    file, known = known
    world = World(tariffs=TARIFFS)
    world.passwords = {str(file): f"{file} cannot be read: Permission denied"}
    _, decision = decision_of(known, world)
    assert carriers(decision) == ["other"]
    words = [say(step.message, lang) for step in decision.steps for lang in ("en", "zh")]
    assert f"carrier good is left out: {file} cannot be read: Permission denied" in words
    assert f"不用运营商 good：密码不可用（{file} cannot be read: Permission denied）" in words


def test_the_password_stands_in_what_freeswitch_is_told_and_nowhere_else(known):
    _, known = known
    asked, decision = decision_of(known, World(tariffs=TARIFFS))
    variables = facts.variables(asked, decision, "host/0")
    setting, bridge = packets(b"".join(carry_out.commands(decision, asked, settings(("pstn",)), variables)))
    scope, logged = scoped(bridge)
    assert (scope["sip_auth_username"], scope["sip_auth_password"]) == ("me", SECRET)
    elsewhere = [
        setting, variables, decision, repr(decision.plan), facts.routed(asked, decision, "host/0"),
        facts.summary(asked, decision), facts.trace(decision), logged,
    ]  # fmt: skip
    assert not [each for each in elsewhere if "S3cret" in repr(each)]


def test_a_carrier_called_at_once_with_another_is_not_told_the_others_password(known):
    _, known = known
    carriers = known.outside.carriers
    both = directory([entry("good", "other", fork=2)], carriers=list(carriers.values()))
    asked, decision = decision_of(both, World(tariffs=TARIFFS))
    bridge = packets(b"".join(carry_out.commands(decision, asked, settings(("pstn",)), {})))[-1]
    variables, ((good, other),) = originate(scoped(bridge)[1])
    assert variables["local_var_clobber"] == "true"
    assert "sip_auth_password" not in good[0]
    assert (other[0]["sip_auth_username"], other[0]["sip_auth_password"]) == ("none", "none")


def test_two_that_want_a_password_are_not_called_at_once(known):
    file, known = known
    good, other = known.outside.carriers.values()
    third = replace(other, name="third", username="me", password_file=file.with_name("third.password"))
    both = directory([entry("good", "other", "third", fork=3)], carriers=[good, other, third])
    _, decision = decision_of(both, World(tariffs=TARIFFS))
    attempts = [[leg.carrier for leg in legs] for legs in decision.plan.attempts]
    assert attempts[:2] == [["good", "other"], ["third"]]
