"""What goes together in declarative files, and with what is configured already."""

import pytest

from callctl import declaration
from callctl.declaration.check import Known, refuse_removal
from callctl.errors import CallctlError, ConfigError

KNOWN = Known(
    accounts={"old": {"name": "old"}, "euro": {"name": "euro", "tariff": "plain", "parent": "old"}},
    endpoints={
        "1@h": {"account": "old", "user": "1", "domain": "h", "extension": "10"},
        "198.51.100.0/24": {"account": "old", "address": "198.51.100.0/24"},
        "7@192.0.2.1/32": {"account": "old", "address": "192.0.2.1/32", "prefix": "7"},
    },
    tariffs={"plain": {"name": "plain", "currency": "EUR"}},
    booked={"euro": "EUR", "new": "USD"},
)


def among(tmp_path, text, known=KNOWN):
    file = tmp_path / "f.yaml"
    file.write_text(text)
    return declaration.read([file]).among(known)


def endpoints(*entries):
    return "endpoints:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


ACCOUNTS = "accounts: [{name: a}, {name: b}]\n"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["account: a, address: 10.0.0.0/8", "account: b, address: 10.1.0.0/16"], r":4: 10\.1\.0\.0/16 of account b "
         r"and 10\.0\.0\.0/8 of account a, which stands at .*f.yaml:3, overlap; give each a prefix"),
        (["account: b, address: 10.1.2.3", "account: a, address: 10.0.0.0/8"], r":3: 10\.1\.2\.3/32 .* overlap"),
        (["account: a, address: '::/0'", "account: b, address: '2001:db8::1'"], r":4: .* overlap"),
        (["account: a, address: 10.0.0.1, prefix: '7'", "account: b, address: 10.0.0.1, prefix: '77'"], "overlap"),
        (["account: a, address: 10.0.0.1", "account: b, address: 10.0.0.1, prefix: '77'"], "overlap"),
        # a wide network, others of its account between it and the one within it
        (["account: a, address: 10.0.0.0/8", "account: a, address: 10.1.0.0/16", "account: a, address: 10.1.0.0/24",
          "account: b, address: 10.1.7.0/24"], r":6: 10\.1\.7\.0/24 of account b and 10\.0\.0\.0/8 of account a"),
        (["account: a, address: 198.51.100.7"], r":3: .* and 198\.51\.100\.0/24 of account old, which is configured"),
        (["account: a, address: 198.51.0.0/16"], r":3: 198\.51\.0\.0/16 of .* and 198\.51\.100\.0/24 of account old"),
        (["account: b, address: 192.0.2.0/24, prefix: '7'"], r":3: 7@192\.0\.2\.0/24 .* and 7@192\.0\.2\.1/32 of acc"),
    ],
)  # fmt: skip
def test_whose_calls_they_are_must_be_clear(tmp_path, entries, said):
    with pytest.raises(ConfigError, match=said) as caught:
        among(tmp_path, ACCOUNTS + endpoints(*entries))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "entries",
    [
        ["account: a, address: 10.0.0.0/8", "account: a, address: 10.1.0.0/16"],
        ["account: a, address: 10.0.0.0/25", "account: b, address: 10.0.0.128/25", "account: b, address: '::/0'"],
        ["account: a, address: 10.0.0.1, prefix: '77'", "account: b, address: 10.0.0.0/8, prefix: '78'"],
        ["account: a, address: 10.0.0.1, prefix: '7'", "account: a, address: 10.0.0.1, prefix: '77'"],
        ["account: a, address: 198.51.100.0/24"],  # it moves from another account
        ["account: a, address: 192.0.2.1, prefix: '8'", "account: b, address: 192.0.2.0/24, prefix: '9'"],
    ],
)
def test_addresses_that_go_together(tmp_path, entries):
    assert len(among(tmp_path, ACCOUNTS + endpoints(*entries)).endpoints) == len(entries)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (endpoints("account: old, user: '2', domain: h, extension: '10'"), ":2: extension 10 of account old is taken "
         "at 1@h, which is configured already"),
        (endpoints("account: old, user: x, domain: h, prefix: '1'"), ":2: only an endpoint with an address has a pref"),
        ("accounts:\n  - name: a\n    mode: postpaid\n    credit_limit: '5'\n", ":2: credit_limit of account a is of "
         "no currency; give the account a tariff or a currency"),
        ("accounts:\n  - {name: a, limits: {spend_per_day: '5'}}\n", ":2: limits.spend_per_day of account a"),
        ("accounts:\n  - {name: a, limits: {price_per_minute: '5'}}\n", ":2: limits.price_per_minute of account a"),
        ("accounts:\n  - name: a\n    currency: USD\n    tariff: plain\n", ":4: account a is in USD and its tariff"),
        ("accounts:\n  - name: a\n\n    parent: x\n", ":4: there is no account x to be a parent"),
        ("accounts:\n  - {name: new, currency: EUR}\n", ":2: the ledger of account new is in USD, not EUR"),
        ("accounts:\n  - {name: new}\n", ":2: the ledger of account new is in USD, not no currency"),
        ("accounts:\n  - {name: new, tariff: plain}\n", ":2: the ledger of account new is in USD, not EUR"),
        # a tariff that changes under an account that is in no file
        ("tariffs:\n  - name: plain\n    currency: USD\n", ":3: the ledger of account euro is in EUR, not USD"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        among(tmp_path, text)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


def test_money_needs_a_currency_and_takes_it_from_the_tariff_too(tmp_path):
    found = among(
        tmp_path,
        "accounts:\n"
        "  - {name: a, mode: postpaid, credit_limit: '5', tariff: plain, parent: euro}\n"
        "  - {name: b, currency: USD, limits: {spend_per_day: '1'}}\n"
        "  - {name: new, currency: USD}\n",
    )
    assert set(found.accounts) == {"a", "b", "new"}


@pytest.mark.parametrize(
    ("what", "key", "said"),
    [
        ("account", "old", "The account old is still needed by account euro, endpoint 1@h, endpoint 198.51.100.0/24 "
         "and 1 more: remove or change what needs it first."),
        ("tariff", "plain", "The tariff plain is still needed by account euro: remove or change"),
    ],
)  # fmt: skip
def test_what_others_need_is_not_removed(what, key, said):
    with pytest.raises(CallctlError) as caught:
        refuse_removal(what, key, KNOWN)
    assert str(caught.value).startswith(said)
    assert caught.value.exit_code == 1


def test_what_nobody_needs_may_go():
    for what, key in (("account", "euro"), ("endpoint", "1@h"), ("tariff", "other")):
        refuse_removal(what, key, KNOWN)
