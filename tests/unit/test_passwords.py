"""A phone's password: only its hash is kept, and nobody is shown it."""

import hashlib

import pytest

from callctl import declaration
from callctl.cli.entry import line, shown
from callctl.declaration.check import Known
from callctl.errors import ConfigError
from callctl.store.configuration import Change

HASH = hashlib.md5(b"1001:example.net:correct horse", usedforsecurity=False).hexdigest()


def read(tmp_path, keys):
    file = tmp_path / "company.yaml"
    file.write_text("accounts:\n  - {name: a}\nendpoints:\n  - {account: a, " + keys + "}\n")
    return declaration.read([file]).among(Known()).endpoints


def test_of_a_password_its_hash_is_kept(tmp_path):
    (entry,) = read(tmp_path, 'user: "1001", domain: Example.net, password: correct horse').values()
    assert entry.ha1 == HASH
    assert "correct horse" not in str(entry.model_dump())
    (same,) = read(tmp_path, f'user: "1001", domain: Example.net, ha1: {HASH}').values()
    assert same == entry


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('user: "1001", domain: example.net, password: short', "8 characters or more"),
        ('user: "1001", domain: example.net, password: 12345678', "8 characters or more, in quotes"),
        (f'user: "1001", domain: example.net, password: long enough, ha1: {HASH}', "in place of ha1"),
        ("address: 192.0.2.1, password: long enough", "with user and domain"),
        (f"address: 192.0.2.1, ha1: {HASH}", "only an endpoint with a user has a ha1"),
        ('user: "1001", domain: example.net, ha1: xyz', "ha1"),
    ],
)
def test_what_can_be_no_password_is_refused(tmp_path, keys, said):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, keys)


def test_what_is_shown_of_a_change_opens_nothing():
    change = Change("endpoint", "1001@example.net", {"ha1": "0" * 32, "user": "1001"}, {"ha1": HASH, "user": "1001"})
    assert line(change) == "~ endpoint 1001@example.net  ha1: … → …"
    assert HASH not in str(shown(change))
    assert "1234" not in line(Change("room", "sales", {"pin": "1234"}, {"pin": "5678"}))
