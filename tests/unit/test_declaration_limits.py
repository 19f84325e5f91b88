"""Limits and parents in declarative files."""

import pytest

from callctl import declaration
from callctl.declaration.check import Known
from callctl.errors import ConfigError


def read(tmp_path, text, **known):
    file = tmp_path / "company.yaml"
    file.write_text(text)
    return declaration.read([file]).among(Known(accounts={name: {"parent": above} for name, above in known.items()}))


def test_limits_and_a_parent_are_read(tmp_path):
    found = read(tmp_path, "accounts:\n  - {name: shop, parent: chain, limits: {calls: 3, cps: 0}}\n", chain=None)
    entry = found.accounts["shop"]
    assert (entry.parent, entry.limits.calls, entry.limits.cps) == ("chain", 3, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accounts:\n  - {name: a, parent: nobody}\n", r":2: there is no account nobody"),
        ("accounts:\n  - {name: a, parent: a}\n", r":2: the parents of a go in a circle: a → a"),
        ("accounts:\n  - {name: a, parent: b}\n  - {name: b, parent: a}\n", r":2: .* circle: a → b → a"),
        ("accounts:\n  - {name: a, parent: old}\n", r":2: .* circle: a → old → a"),
        ("accounts:\n  - {name: a, limits: {calls: -1}}\n", r":2: limits\.calls"),
        ("accounts:\n  - {name: a, limits: {call: 1}}\n", r":2: limits\.call: there is no such key"),
    ],
)
def test_what_cannot_be_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text, old="a")
