"""OV500's carriers and their gateways."""

from __future__ import annotations

import re
from typing import Any

from callctl.ov500.accounts import codec_list
from callctl.ov500.made import Body, Made
from callctl.ov500.numbering import Numbering
from callctl.ov500.source import Row, Source, text, whole
from callctl.ov500.tariffs import Tariffs, terms
from callctl.settings import split_address

PASSWORDS = "/etc/callctl/carriers"  # a folder of each controller
_USER = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_CALLER_ID = {"pid": "pai", "rpid": "rpid", "no": "none"}
_MOST = 1000  # of a gateway's weight
_LONGEST_RING = 600


def carriers(
    source: Source, made: Made, codes: dict[int, str], tariffs: Tariffs, numbering: Numbering, timezone: str
) -> None:
    """Put them in."""
    gateways: dict[str, list[Row]] = {}
    for row in source.rows("carrier_ips"):
        gateways.setdefault(text(row, "carrier_id"), []).append(row)
    for row in source.rows("carrier"):
        carrier = text(row, "carrier_id")
        name = made.name("carrier", carrier)
        body: Body = {"name": name}
        if text(row, "carrier_status") != "1":
            body["status"] = "closed"
        if currency := codes.get(whole(row, "carrier_currency_id") or 0):
            body["currency"] = currency
            if tariff := tariffs.of_carrier(carrier, text(row, "tariff_id"), terms(row, currency)):
                body["tariff"] = tariff
        if timezone != "UTC":
            body["timezone"] = timezone
        body |= _calls(row)
        body |= _gateways(made, name, gateways.get(carrier, []))
        for key, way in (("outgoing", "OUTBOUND"), ("incoming", "INBOUND")):
            if rules := numbering.of_carrier(carrier, way):
                body[key] = rules
        made.add("carriers", body, text(row, "carrier_name"))


def _calls(row: Row) -> Body:
    limits = {
        key: max(value, 0)
        for key, column in (("calls", "carrier_cc"), ("cps", "carrier_cps"))
        if (value := whole(row, column)) is not None
    }
    ring = min(whole(row, "carrier_ring_timeout") or 60, _LONGEST_RING)
    progress = min(whole(row, "carrier_progress_timeout") or 10, ring)
    body: Body = {"caller_id": _CALLER_ID.get(text(row, "cli_prefer"), "rpid")}
    if limits:
        body["limits"] = limits
    if codecs := codec_list(text(row, "carrier_codecs")):
        body["codecs"] = codecs
    return body | {"ring_timeout": ring, "progress_timeout": progress}


def _gateways(made: Made, name: str, rows: list[Row]) -> Body:
    """Where its calls go; a carrier has one user name and password, those of its first gateway that has any."""
    found: list[dict[str, Any]] = []
    body: Body = {}
    for row in rows:
        address = reached_at(text(row, "ipaddress"))
        if text(row, "ip_status") != "1" or address is None:
            made.notes.add("carrier.gateway", f"carrier {name}: {text(row, 'ipaddress')}")
            continue
        weight, priority = whole(row, "load_share"), whole(row, "priority") or 0
        found.append(
            {
                "address": address,
                "weight": min(max(1 if weight is None else weight, 0), _MOST),
                "priority": min(max(priority, 0), 100),
            }
        )
        if text(row, "auth_type") != "CUSTOMER" or not text(row, "username"):
            continue
        if "username" in body or not _USER.fullmatch(text(row, "username")):
            made.notes.add("carrier.credentials", f"carrier {name}: {address}")
            continue
        body |= {"username": text(row, "username"), "password_file": f"{PASSWORDS}/{name}"}
        made.passwords[name] = text(row, "passwd")
        made.notes.add("carrier.password", f"carrier {name}: {PASSWORDS}/{name}")
    return body | {"gateways": found} if found else body


def reached_at(written: str) -> str | None:
    """HOST:PORT; OV500 leaves the port out where it is 5060."""
    if written.count(":") > 1 and not written.startswith("["):
        written = f"[{written}]"
    for each in (written, f"{written}:5060"):
        try:
            host, _ = split_address(each)
        except ValueError:
            continue
        return each if host.strip() == host and " " not in host else None
    return None
