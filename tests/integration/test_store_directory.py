"""Accounts and endpoints as they are read from MySQL."""

from callctl.model import Account, Endpoint, Room
from callctl.outside import NOTHING
from callctl.store.directory import config_version, load_directory
from callctl.store.pool import Pool


def test_everything_is_read(database: Pool):
    with database.transaction() as cursor:
        cursor.execute(
            "INSERT INTO account (name, active, codecs, codec_check, max_duration) VALUES "
            "('acme', 1, 'PCMA,OPUS', 0, 60), ('closed', 0, '', 1, NULL)"
        )
        cursor.execute(
            "INSERT INTO endpoint (name, account, `user`, domain, extension, caller_id, address, prefix, codecs) "
            "VALUES ('1001@example.net', 'acme', '1001', 'example.net', '101', '4420', NULL, '', 'PCMU'), "
            "('203.0.113.0/29', 'acme', NULL, NULL, NULL, '', '203.0.113.0/29', '', ''), "
            "('77@203.0.113.0/29', 'acme', NULL, NULL, NULL, '', '203.0.113.0/29', '77', '')"
        )
        cursor.execute(
            "INSERT INTO config_item (name, body) VALUES "
            """('room/sales', '{"name":"sales","account":"acme","pin":"0123","profile":"wide","max_members":50}'), """
            """('room/3001', '{"name":"3001","account":"acme"}')"""
        )
        cursor.execute("UPDATE config_version SET version = version + 1")
    version, accounts, endpoints, around, rooms = load_directory(database)
    assert version == config_version(database) > 0
    assert around == NOTHING
    assert accounts == [Account("acme", True, ("PCMA", "OPUS"), False, 60), Account("closed", active=False)]
    assert endpoints == [
        Endpoint("acme", "1001@example.net", "1001", "example.net", "101", "4420", codecs=("PCMU",)),
        Endpoint("acme", "203.0.113.0/29", address="203.0.113.0/29"),
        Endpoint("acme", "77@203.0.113.0/29", address="203.0.113.0/29", prefix="77"),
    ]
    assert rooms == [Room("3001", "acme"), Room("sales", "acme", "0123", "wide", 50)]


def test_more_than_a_page_is_read_whole(database: Pool):
    names = [f"a{n:05}" for n in range(2500)]
    with database.transaction() as cursor:
        cursor.executemany("INSERT INTO account (name) VALUES (%s)", [(name,) for name in names])
    assert [account.name for account in load_directory(database)[1]] == names
