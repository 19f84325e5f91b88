"""What `callctl doctor` says of accounts, routes and carriers that go together in no call."""

import pytest

from tests.integration.doctor.bench import DATABASE, configure, diagnose, expect

CARRIER = "name: c1, tariff: buy, gateways: [{address: '198.51.100.7:5060'}]"
WHOLE = """
tariffs:
  - {{name: sell, currency: USD, rates: [{{prefix: "", steps: [{{price: "1"}}]}}]}}
  - {{name: buy, currency: USD, rates: [{{prefix: "", steps: [{{price: "1"}}]}}]}}
accounts: [{{name: acme, currency: USD{account}}}]
endpoints: [{{account: acme, user: "1001", domain: example.net{endpoint}}}]
carriers: [{{{carrier}}}]
routes: [{{name: world, entries: [{{prefix: "", carriers: [c1]}}{entry}]}}]
{more}
"""


DID = "dids: [{number: '442079460000', account: acme, to: [{number: '12'}]}]"


def company(account=", tariff: sell, tariff_in: sell, routes: world", endpoint="", carrier=CARRIER, entry="", more=""):
    """A file of a company, whole but for what is said."""
    return WHOLE.format(account=account, endpoint=endpoint, carrier=carrier, entry=entry, more=more)


@pytest.fixture
def known(location):
    """Edges know the carrier."""
    location("INSERT INTO address (grp, ip_addr, mask) VALUES (1, '198.51.100.0', 24)")
    return location


def test_a_whole_company(installation, known):
    settings, _ = installation
    configure(settings, company())
    calls = settings.calls.model_copy(update={"emergency": ("112",), "emergency_route": "world"})
    found = diagnose(settings.model_copy(update={"calls": calls}))
    assert {name: one for name, one in found.items() if one.verdict != "ok"} == {}


def test_nobody_is_configured(installation):
    settings, _ = installation
    configure(settings, "accounts: [{name: acme, status: closed}]")
    expect(settings, "configured.accounts", "warn", "every call is refused", "callctl apply")


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (company(", routes: world"), "without a tariff: pstn: acme"),
        (
            company(", tariff: sell", more="dids: [{number: '442079460000', account: acme, to: [{number: '12'}]}]"),
            "did: acme",
        ),
    ],
)
def test_calls_for_which_nobody_pays(installation, known, file, what):
    settings, _ = installation
    configure(settings, file)
    expect(settings, "configured.tariffs", "warn", what, "out of [money] rated")
    free = settings.money.model_copy(update={"rated": ()})
    assert diagnose(settings.model_copy(update={"money": free}))["configured.tariffs"].verdict == "ok"


def test_accounts_for_which_those_above_pay(installation, known):
    settings, _ = installation
    own = ", parent: telco, routes: world}, {name: telco, tariff: sell"
    configure(settings, company(own))
    assert diagnose(settings)["configured.tariffs"].verdict == "ok"


def test_carriers_of_which_nobody_knows_the_cost(installation, known):
    settings, _ = installation
    configure(settings, company(carrier="name: c1, gateways: [{address: '198.51.100.7:5060'}]"))
    expect(settings, "configured.costs", "warn", "without a tariff", "what its calls cost")


def test_carriers_that_edges_do_not_know(installation, location):
    settings, _ = installation
    configure(settings, company())
    expect(settings, "configured.peers", "warn", "lacks gateways of carriers: c1 (198.51.100.7:5060)", "addressReload")
    location(
        "INSERT INTO address (grp, ip_addr, mask, port) VALUES (1, '198.51.100.7', 32, 5070), (1, 'a.test', 32, 0)"
    )
    expect(settings, "configured.peers", "fail", "c1 (198.51.100.7:5060)", "INSERT INTO address")
    location("UPDATE address SET port = 5060")
    assert diagnose(settings)["configured.peers"].verdict == "ok"
    location("DROP TABLE address")
    assert diagnose(settings)["configured.peers"].verdict == "skip"


def test_phones_whose_passwords_edges_do_not_know(installation, known):
    settings, _ = installation
    table = f"{DATABASE}.subscriber"
    place = settings.location.model_copy(update={"subscriber": table})
    settings = settings.model_copy(update={"location": place})
    configure(settings, company(endpoint=", password: right horse"))
    expect(settings, "configured.phones", "fail", "doesn't exist", "auth_db-create.sql")
    known(
        "CREATE TABLE subscriber (username VARCHAR(64), domain VARCHAR(64), password VARCHAR(64), ha1 VARCHAR(128))",
        "INSERT INTO subscriber VALUES ('1001', 'example.net', '', 'another')",
    )
    expect(settings, "configured.phones", "fail", "INSERT", f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table}")
    known(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO callctl@127.0.0.1")
    try:
        expect(settings, "configured.phones", "fail", "1 phones, the first 1001@example.net", "`callctl apply`")
        known("UPDATE subscriber SET ha1 = MD5('1001:example.net:right horse')")
        assert diagnose(settings)["configured.phones"].what.en == "edges know the passwords of 1 phones"
    finally:
        known(f"REVOKE SELECT, INSERT, UPDATE, DELETE ON {table} FROM callctl@127.0.0.1")
