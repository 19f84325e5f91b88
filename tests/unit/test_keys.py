"""Options are the keys of the files: all of them, and no others."""

from types import UnionType
from typing import get_args

import pytest
from pydantic import BaseModel

from callctl.cli.entry import KINDS, NAMED
from callctl.cli.keys import ACCOUNT_KEYS, CARRIER_KEYS, DID_KEYS, ENDPOINT_KEYS, ROUTE_KEYS, TARIFF_KEYS

ALL = (ACCOUNT_KEYS, ENDPOINT_KEYS, TARIFF_KEYS, CARRIER_KEYS, ROUTE_KEYS, DID_KEYS)
ONLY_IN_FILES = {"rates", "entries", "caller_ids.for_prefix"}  # lists of entries


def leaves(form, above=""):
    """The keys of an entry; those of a part stand behind its name. A list is one key."""
    for name, field in form.model_fields.items():
        optional = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
        parts = [kind for kind in optional if isinstance(kind, type) and issubclass(kind, BaseModel)]
        yield from leaves(parts[0], f"{above}{name}.") if parts else (f"{above}{name}",)


@pytest.mark.parametrize("keys", ALL, ids=lambda keys: keys.what)
def test_every_key_has_an_option_in_both_languages(keys):
    assert set(keys.keys) == set(leaves(KINDS[keys.what])) - NAMED - ONLY_IN_FILES
    for said in keys.keys.values():
        english, _, chinese = said.partition("  ")
        assert english.isascii()
        assert chinese
        assert not chinese.isascii()
