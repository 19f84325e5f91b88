"""deploy/backup.py on a real database."""

import gzip

import pytest

from callctl.errors import ConfigError, ServiceAway
from callctl.settings import Mysql
from deploy import backup


def test_what_was_saved_comes_back(database, settings, tmp_path):
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO account (name, body) VALUES (%s, '{}')", ("acmé 'n' co",))
    file = backup.save(settings.mysql, tmp_path / "backups")
    assert file.stat().st_mode & 0o077 == 0
    with database.transaction() as cursor:
        cursor.execute("UPDATE account SET name = 'changed'")
        cursor.execute("DROP TABLE cdr_leg")
    backup.restore(settings.mysql, file)
    assert database.rows("SELECT name FROM account") == [("acmé 'n' co",)]
    assert database.rows("SELECT COUNT(*) FROM cdr_leg") == [(0,)]


def test_only_the_newest_stay(database, settings, tmp_path):
    for day in range(10, 30):
        (tmp_path / f"callctl-202601{day}T000000Z.sql.gz").touch()
    newest = backup.save(settings.mysql, tmp_path)
    left = sorted(tmp_path.iterdir())
    assert len(left) == backup.KEPT
    assert left[-1] == newest
    assert left[0].name == "callctl-20260117T000000Z.sql.gz"


def test_a_dump_that_fails_leaves_none_behind(settings, tmp_path, capfd):
    nowhere = Mysql(port=settings.mysql.port, password=settings.mysql.password, database="nowhere")
    with pytest.raises(ServiceAway, match="not made"):
        backup.save(nowhere, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "nowhere" in capfd.readouterr().err


def test_what_is_no_dump_is_refused_before_anything_is_changed(database, settings, tmp_path):
    for content in (b"no gzip", gzip.compress(b"SELECT 1")[:10]):
        file = tmp_path / "some.sql.gz"
        file.write_bytes(content)
        with pytest.raises(ConfigError, match="is no dump"):
            backup.restore(settings.mysql, file)


def test_no_argument_holds_the_password(settings):
    with backup.credentials(settings.mysql) as options:
        assert settings.mysql.password.get_secret_value() in options.read_text()
        assert options.stat().st_mode & 0o077 == 0
    assert not options.exists()
