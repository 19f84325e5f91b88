"""One file makes a phone work: what is applied is what the edges believe."""

from contextlib import closing

import pytest

from callctl import declaration
from callctl.store import configuration
from callctl.store.pool import Pool
from callctl.store.subscriber import provision
from tests.edge.platform import DATABASE

COMPANY = """
accounts: [{{name: acme}}]
endpoints:
  - {{account: acme, user: "filed", domain: Example.NET, password: "{password}"}}
  - {{account: acme, user: "other", domain: example.net}}
"""


@pytest.fixture
def apply(platform, database, settings, tmp_path):
    """Applies a file as the command does, and says how many rows of the edges' table that changed."""
    edges = settings.mysql.model_copy(update={"database": DATABASE})
    with closing(Pool(edges, 1)) as kamailio:

        def apply(text, *, prune=False):
            file = tmp_path / "company.yaml"
            file.write_text(text)
            done = configuration.apply(database, declaration.read([file]).among, prune=prune, dry_run=False)
            return provision(database, kamailio, "subscriber", done.changes)

        yield apply


def test_a_phone_proves_itself_by_what_was_applied(platform, phone, apply):
    assert apply(COMPANY.format(password="first of them")) == 1
    assert apply(COMPANY.format(password="first of them")) == 0
    assert platform.run("SELECT password FROM subscriber WHERE username = 'filed'") == [("",)]
    assert phone(platform.a, name="filed", password="first of them").register().status == 200
    assert apply(COMPANY.format(password="second of them")) == 1
    assert phone(platform.b, name="filed", password="second of them").register().status == 200
    assert phone(platform.b, name="filed", password="first of them").register().status != 200
    (others,) = platform.run("SELECT COUNT(*) FROM subscriber WHERE username <> 'filed'")
    assert apply("accounts: [{name: acme}]", prune=True) == 1
    assert phone(platform.b, name="filed", password="second of them").register().status != 200
    assert platform.run("SELECT COUNT(*) FROM subscriber") == [others]


def test_what_failed_half_way_is_made_up_for(platform, phone, apply):
    platform.run("RENAME TABLE subscriber TO subscriber_away")
    try:
        with pytest.raises(Exception, match="subscriber"):
            apply(COMPANY.format(password="third of them"))
    finally:
        platform.run("RENAME TABLE subscriber_away TO subscriber")
    assert apply(COMPANY.format(password="third of them")) == 1
    assert phone(platform.a, name="filed", password="third of them").register().status == 200
    apply("accounts: [{name: acme}]", prune=True)
