"""The folder that an import writes: declarative files, rates, and scripts that load them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import StringIO
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import yaml

from callctl import declaration
from callctl.declaration.check import Known
from callctl.errors import ConfigError
from callctl.ov500.made import Made, Said
from callctl.ov500.source import plain
from callctl.ov500.tariffs import HEADER
from callctl.settings import split_address

LISTS = ("currencies", "tariffs", "numbers", "carriers", "routes", "accounts", "endpoints", "dids")
LOAD, BALANCES, ADDRESSES = "load.sh", "balances.sh", "address.sql"
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # of libyaml, where PyYAML has it
_SHELL = '#!/bin/sh\n# {}\nset -eu\ncd "$(dirname "$0")"\n'


def write(folder: Path, made: Made) -> list[str]:
    """Write all of it into a new folder that its owner alone may read; return the names. Raises ConfigError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"{folder} has files already: name an empty folder, or a new one.")
        return sorted(_written(folder, made))
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}: name another folder by --to.") from error


def check(folder: Path, made: Made) -> None:
    """Raise ConfigError, with the place, if `apply` would not take the files as they are."""
    declaration.read(folder / f"{name}.yaml" for name in LISTS if made.lists.get(name)).among(Known())


def _written(folder: Path, made: Made) -> Iterable[str]:
    lists = [name for name in LISTS if made.lists.get(name)]
    for name in lists:
        yield _put(folder / f"{name}.yaml", _yaml(name, made.lists[name]))
    for name, rates in made.rates.items():
        (folder / "rates").mkdir(mode=0o700, exist_ok=True)
        yield f"rates/{_put(folder / 'rates' / name, _csv(rates.rows))}"
    for name, password in made.passwords.items():
        (folder / "carriers").mkdir(mode=0o700, exist_ok=True)
        yield f"carriers/{_put(folder / 'carriers' / name, password + chr(10))}"
    yield _put(folder / LOAD, _load(lists, made))
    if made.balances:
        yield _put(folder / BALANCES, _balances(made))
    if addresses := dict(_addresses(made)):
        yield _put(folder / ADDRESSES, _peers(addresses))


def _put(file: Path, content: str) -> str:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(content)
    return file.name


def _yaml(name: str, entries: Iterable[Said]) -> str:
    lines = [f"{name}:"]
    for comment, body in entries:
        if shown := "".join(each for each in comment if each.isprintable()):
            lines.append(f"  # {shown}")
        lines.append(f"  - {_flow(body)}" if "rates" not in body and "entries" not in body else _long(body))
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    """On one line."""
    text: str = yaml.dump(
        value, Dumper=_DUMPER, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1 << 20
    )
    return text.strip()


def _long(body: dict[str, object]) -> str:
    """An entry with a list of its own, each of that on a line."""
    (key,) = [key for key in body if key in ("rates", "entries")]
    head = [f"    {name}: {_flow_value(value)}" for name, value in body.items() if name != key]
    rows = body[key]
    assert isinstance(rows, list)
    lines = [*head, f"    {key}:", *(f"      - {_flow(row)}" for row in rows)] if rows else [*head, f"    {key}: []"]
    return "\n".join(lines).replace("    ", "  - ", 1)


def _flow_value(value: object) -> str:
    return _flow([value])[1:-1]


def _csv(rows: Iterable[tuple[str, ...]]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return out.getvalue()


def _load(lists: Iterable[str], made: Made) -> str:
    """What is given to the script goes on to each command: --config FILE."""
    files = " ".join(f"-f {name}.yaml" for name in lists)
    lines = [_SHELL.format("Loads what was read from OV500. May be run again."), f'callctl apply "$@" {files}\n']
    for file, rates in made.rates.items():
        lines += [f'callctl tariff import "$@" {name} rates/{file}\n' for name in rates.tariffs]
    return "".join(lines)


def _balances(made: Made) -> str:
    lines = [_SHELL.format("Books the balances that OV500 had. Run again, it books nothing twice.")]
    for account, balance in made.balances:
        act = "topup" if balance > 0 else "adjust"
        lines.append(f'callctl account {act} "$@" {account} {plain(balance)} --reference ov500:balance:{account}\n')
    return "".join(lines)


def _addresses(made: Made) -> Iterable[tuple[IPv4Address | IPv6Address, str]]:
    """Where calls come from without a password, and whose they are."""
    for _, body in made.lists.get("endpoints", ()):
        if "address" in body:
            yield ip_address(body["address"]), body["account"]
    for _, body in made.lists.get("carriers", ()):
        for gateway in body.get("gateways", ()):
            with suppress(ValueError):  # a name; the edges' table has addresses only
                yield ip_address(split_address(gateway["address"])[0]), body["name"]


def _peers(addresses: Mapping[IPv4Address | IPv6Address, str]) -> str:
    lines = ["-- Whom the edges know by address: for their table of that name. May be run again.\n"]
    for address, whose in addresses.items():
        lines.append(
            f"INSERT INTO address (grp, ip_addr, mask, tag) SELECT 1, '{address}', {address.max_prefixlen}, '{whose}' "  # noqa: S608  names and addresses
            f"FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM address WHERE grp = 1 AND ip_addr = '{address}');\n"
        )
    return "".join(lines)
