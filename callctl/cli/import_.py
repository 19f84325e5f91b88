"""`callctl import`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click
from MySQLdb import Error as MySQLError
from pydantic import SecretStr, TypeAdapter, ValidationError

from callctl.cli import entry
from callctl.cli.output import Context, pass_context
from callctl.declaration.account import Domain, Zone
from callctl.errors import ConfigError, StoreError
from callctl.ov500.company import read
from callctl.ov500.files import ADDRESSES, BALANCES, LOAD, check, write
from callctl.ov500.made import Made
from callctl.ov500.notes import SENTENCES
from callctl.ov500.source import Source
from callctl.settings import Mysql
from callctl.store.pool import Pool

PASSWORD = "CALLCTL_OV500_PASSWORD"  # noqa: S105  the name of a variable
_DEADLINE = 600.0  # seconds a statement may take: a rate table may be long


@click.group("import", context_settings=entry.SETTINGS)
def import_() -> None:
    """Bring what another system has configured.

    导入其他系统的配置。
    """


@import_.command()
@click.argument("url")
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="A new folder.  输出目录（新建）")
@click.option("--domain", help="That phones register at; OV500 keeps none.  话机注册的域名")
@click.option("--timezone", default="UTC", show_default=True, help="Of OV500's hours: its MySQL's.  时区")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help=f"Holds the password; else variable {PASSWORD}.  密码文件，或使用环境变量",
)
@pass_context
def ov500(
    context: Context, url: str, folder: Path, domain: str | None, timezone: str, password_file: Path | None
) -> None:
    """Read OV500's database, mysql://USER@HOST:PORT/switch, and write declarative files that `apply` takes.

    Nothing is changed there, and nothing here: load.sh in the folder loads the files, balances.sh books the balances,
    address.sql has the edges know customers and carriers by their address. What has no counterpart is said.

    读取 OV500 的数据库并写出 `apply` 可用的声明文件。不改变任何一方：目录中的 load.sh 载入文件，balances.sh 登记余额，
    address.sql 让边缘代理按地址识别客户和运营商。没有对应物的内容会列出。
    """
    mysql = _mysql(url, password_file)
    _checked(Domain, domain, "--domain")
    _checked(Zone, timezone, "--timezone")
    made = _read(mysql, domain, timezone)
    _show(context, folder, write(folder, made), made)
    check(folder, made)


def _read(mysql: Mysql, domain: str | None, timezone: str) -> Made:
    pool = Pool(mysql, 1, _DEADLINE)
    try:
        return read(Source(pool), domain, timezone)
    except StoreError as error:
        if not isinstance(error.__cause__, MySQLError):
            raise
        said = f"OV500's database at {mysql.host}:{mysql.port} could not be read ({error.__cause__.args[-1]})"
        raise StoreError(f"{said}: correct the URL or the password, and let the user read it.") from error
    finally:
        pool.close()


def _mysql(url: str, password_file: Path | None) -> Mysql:
    """Whom to ask. Raises ConfigError, which does not repeat the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError as error:
        raise ConfigError("The URL is none: write mysql://USER@HOST:PORT/switch.") from error
    if parts.password is not None:
        raise ConfigError(
            "The URL holds a password, which everybody on this machine may see: leave it out, and give "
            f"--password-file or variable {PASSWORD}."
        )
    if parts.scheme != "mysql" or not parts.hostname or not parts.username:
        raise ConfigError("The URL is none of MySQL: write mysql://USER@HOST:PORT/switch.")
    try:
        return Mysql(
            host=parts.hostname,
            port=port,
            user=unquote(parts.username),
            database=parts.path.strip("/") or "switch",
            password=SecretStr(os.environ.get(PASSWORD, "")),
            password_file=password_file,
        )
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{said}.") from error


def _checked(form: Any, value: str | None, option: str) -> None:
    if value is None:
        return
    try:
        TypeAdapter(form).validate_python(value)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise click.BadParameter(said, param_hint=option) from error


def _show(context: Context, folder: Path, files: list[str], made: Made) -> None:
    counts = {name: len(entries) for name, entries in made.lists.items()}
    counts["rates"] = sum(len(rates.rows) for rates in made.rates.values())
    counts["rates"] += sum(len(said.body.get("rates", ())) for said in made.lists.get("tariffs", ()))
    if context.as_json:
        notes = []
        for key, about in made.notes.found.items():
            kind, en, zh = SENTENCES[key]
            notes.append({"note": key, "kind": kind, "says": context.words(en, zh), "about": list(about)})
        context.json({"folder": str(folder), "files": files, "counts": counts, "notes": notes})
        return
    for name, count in counts.items():
        click.echo(f"{name:<12} {count}")
    for line in made.notes.told(context.lang):
        click.echo(line)
    click.echo("")
    click.echo(context.words("Look the files over, then:", "请检查文件，然后："))
    _step(
        context,
        f"sh {folder / LOAD}",
        "loads them; --config FILE behind it where needed",
        "载入；需要时加 --config FILE",
    )
    if BALANCES in files:
        _step(
            context, f"sh {folder / BALANCES}", "books the balances, when OV500 has stopped", "在 OV500 停止后登记余额"
        )
    if ADDRESSES in files:
        said = "has the edges know customers and carriers by address", "让边缘代理按地址识别客户和运营商"
        _step(context, f"mysql kamailio < {folder / ADDRESSES}", *said)


def _step(context: Context, command: str, en: str, zh: str) -> None:
    click.echo(f"  {command}    # {context.words(en, zh)}")
