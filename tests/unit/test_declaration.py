"""The declarative files: what is read from them, and how each fault is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl import declaration
from callctl.declaration.account import EndpointEntry
from callctl.declaration.check import Known
from callctl.errors import ConfigError
from callctl.esl import command
from tests.wire.budget import fuzz

GOOD = """
accounts:
  - name: acme
    codecs: [PCMA, OPUS]
    max_duration: 60
  - {name: closed, status: closed, codec_check: false}

endpoints:
  - {account: acme, user: "1001", domain: Example.net, extension: "101", caller_id: "442079460000"}
  - {account: acme, user: "1001", domain: other.example}
  - {account: old, address: 203.0.113.9/24, codecs: [PCMU]}
  - {account: old, address: "2001:db8::1"}

rooms:
  - {name: sales, account: acme, pin: "0123", profile: default, max_members: 50}
  - {name: "3001", account: old}
"""


@pytest.fixture
def read(tmp_path):
    def build(*texts):
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.yaml")
            files[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
        return declaration.read(files).among(Known(accounts={"old": {}}))

    return build


def test_what_is_declared(read):
    found = read(GOOD)
    acme, closed = found.accounts["acme"], found.accounts["closed"]
    assert (acme.status, acme.codecs, acme.codec_check, acme.max_duration) == ("active", ("PCMA", "OPUS"), True, 60)
    assert (closed.status, closed.codecs, closed.codec_check, closed.max_duration) == ("closed", (), False, None)
    assert list(found.endpoints) == ["1001@example.net", "1001@other.example", "203.0.113.0/24", "2001:db8::1/128"]
    phone = found.endpoints["1001@example.net"]
    assert (phone.account, phone.extension, phone.caller_id) == ("acme", "101", "442079460000")
    sales, plain = found.items["room"].values()
    assert (sales.name, sales.account, sales.pin, sales.profile, sales.max_members) == (
        "sales", "acme", "0123", "default", 50,
    )  # fmt: skip
    assert (plain.name, plain.pin, plain.profile, plain.max_members) == ("3001", None, None, None)


def test_files_are_read_together_and_json_is_yaml_too(read):
    found = read(
        '{"accounts": [{"name": "acme"}]}', "endpoints: [{account: acme, address: 192.0.2.1}]", "", "# nothing"
    )
    assert (list(found.accounts), list(found.endpoints)) == (["acme"], ["192.0.2.1/32"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accounts: [", r"0\.yaml is not YAML: .*line 1"),
        ("a: b: c", r"0\.yaml is not YAML"),
        (b"\xff\xfe\xff", r"0\.yaml is not YAML"),
        ("--- 1\n--- 2", r"0\.yaml is not YAML"),
        ("- accounts", r"0\.yaml:1: expected lists named accounts, endpoints"),
        ("just text", r"0\.yaml:1: expected lists"),
        ("\naccount: []", r"0\.yaml:2: there is no list 'account'; known: accounts, endpoints"),
        ("? [a, b]\n: []", r"0\.yaml:1: there is no list"),
        ("accounts: {name: a}", r"0\.yaml:1: accounts is a list"),
        ("accounts: a", r"0\.yaml:1: accounts is a list"),
        ("accounts:\n  - a", r"0\.yaml:2: "),
        ("accounts:\n  - {}", r"0\.yaml:2: name: Field required"),
        ("accounts:\n  - name: a\n    colour: red", r"0\.yaml:3: colour: there is no such key; remove it"),
        ("accounts:\n  - name: a b", r"0\.yaml:2: name: "),
        ("accounts:\n  - name: a\n  - name: a", r"0\.yaml:3: a stands at .*0\.yaml:2 already"),
        ("accounts:\n  - name: a\n    status: shut", r"0\.yaml:3: status: "),
        ("accounts:\n  - name: a\n    codecs:\n      - pcma", r"0\.yaml:4: codecs\.0: "),
        ("accounts:\n  - name: a\n    max_duration: 0", r"0\.yaml:3: max_duration: "),
        ("accounts:\n  - name: !python/object:os.system x", r"0\.yaml:2: could not determine a constructor"),
        ("accounts:\n  - name: 2026-99-99", r"0\.yaml:2: "),
        ("accounts:\n  - &a {name: *a}", r"0\.yaml"),
        ("endpoints:\n  - {account: none, address: 192.0.2.1}", r"0\.yaml:2: there is no account none; declare it"),
        ("endpoints:\n  - {account: old}", r"0\.yaml:2: an endpoint has either a user or an address"),
        ("endpoints:\n  - {account: old, user: a, address: 192.0.2.1, domain: h}", r":2: an endpoint has either"),
        ("endpoints:\n  - {account: old, user: a}", r"0\.yaml:2: an endpoint with a user has a domain"),
        ("endpoints:\n  - {account: old, address: 192.0.2.1, extension: '1'}", r":2: an endpoint with an address has "),
        ("endpoints:\n  - account: old\n    address: 192.0.2.1.5", r"0\.yaml:3: address: "),
        ("endpoints:\n  - {account: old, user: 1001, domain: h}", r"0\.yaml:2: user: .*string"),
        ("endpoints:\n  - {account: old, user: 'a b', domain: h}", r"0\.yaml:2: user: "),
        ("endpoints:\n  - {account: old, user: a, domain: 'h;x'}", r"0\.yaml:2: domain: "),
        ("endpoints:\n  - {account: old, user: a, domain: h, extension: 'x'}", r"0\.yaml:2: extension: "),
        (
            "endpoints:\n  - {account: old, user: a, domain: h}\n  - {account: old, user: a, domain: H}",
            r":3: a@h stands at .*0\.yaml:2 already",
        ),
        (
            "endpoints:\n  - {account: old, address: 192.0.2.1/24}\n  - {account: old, address: 192.0.2.0/24}",
            r":3: 192\.0\.2\.0/24 stands at",
        ),
        (
            "endpoints:\n  - {account: old, user: a, domain: h, extension: '1'}\n"
            "  - {account: old, user: b, domain: h, extension: '1'}",
            r"0\.yaml:3: extension 1 of account old is taken at .*0\.yaml:2",
        ),
        ("rooms:\n  - {name: a, account: none}", r"0\.yaml:2: there is no account none; declare it"),
        ("rooms:\n  - {name: a+b, account: old}", r"0\.yaml:2: name: "),
        (f"rooms:\n  - {{name: {'a' * 33}, account: old}}", r"0\.yaml:2: name: "),
        ("rooms:\n  - {name: a, account: old, pin: 12a}", r"0\.yaml:2: pin: "),
        ("rooms:\n  - {name: a, account: old, pin: 0123}", r"0\.yaml:2: pin: "),
        ("rooms:\n  - {name: a, account: old, max_members: 1}", r"0\.yaml:2: max_members: "),
        ("rooms:\n  - {name: a, account: old, profile: a@b}", r"0\.yaml:2: profile: "),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_file_and_line(read, text, said):
    with pytest.raises(ConfigError, match=said) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_a_name_that_stands_in_two_files_is_named_in_both(read):
    with pytest.raises(ConfigError, match=r"1\.yaml:1: a stands at .*0\.yaml:1 already"):
        read("accounts: [{name: a}]", "accounts: [{name: a}]")


def test_the_same_extension_in_two_accounts_is_two_extensions(read):
    found = read(
        "accounts: [{name: a}]\n"
        "endpoints:\n"
        "  - {account: a, user: x, domain: h, extension: '1'}\n"
        "  - {account: old, user: y, domain: h, extension: '1'}\n"
    )
    assert len(found.endpoints) == 2


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read: No such file"):
        declaration.read([tmp_path / "none.yaml"])
    with pytest.raises(ConfigError, match=r"cannot be read"):
        declaration.read([tmp_path])


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(texts, texts, texts)
@fuzz(200)
def test_what_may_be_declared_can_be_said_to_freeswitch(user, domain, caller_id):
    try:
        entry = EndpointEntry(account="a", user=user, domain=domain, caller_id=caller_id)
    except ValueError:
        return
    assert command.user(entry.user) == user
    assert command.domain(entry.domain) == domain
    assert command.variables({"effective_caller_id_number": entry.caller_id, "e": entry.key}, "~")


@given(st.text(st.sampled_from("accounts: [{}],\n- &*!?|>'\"#%@`name\t"), max_size=60))
@fuzz(300)
def test_any_file_is_read_or_refused_with_a_sentence(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text("accounts:\n  - " + text)
    said = ""
    try:
        declaration.read([file]).among(Known())
    except ConfigError as error:
        said = str(error)
    assert "\n" not in said
