"""OV500's phones and addresses as endpoints."""

from __future__ import annotations

import hashlib
import re
from ipaddress import ip_address

from callctl.errors import ConfigError
from callctl.ov500.made import Body, Made
from callctl.ov500.numbering import Numbering
from callctl.ov500.source import Row, Source, text, whole

_DIAL_PREFIX = re.compile(r"[0-9*#]{0,20}")
_CALLER = re.compile(r"[0-9A-Za-z+*_.-]{0,64}")
_FORWARDS = ("call_forward_all", "call_forward_no_answer", "call_forward_busy", "dnd")


def phones(source: Source, made: Made, domain: str | None) -> None:
    """Put those in who are on, with what the edges need to know of them. Raises ConfigError."""
    rows = source.rows("customer_sip_account")
    if rows and domain is None:
        raise ConfigError(
            f"{len(rows)} phones of OV500 have a user and no domain, and callctl names phones by both: "
            "give --domain, the one that they register at."
        )
    extensions: set[tuple[str, str]] = set()
    for row in rows:
        assert domain is not None
        _phone(row, made, domain.lower(), extensions)


def _phone(row: Row, made: Made, domain: str, extensions: set[tuple[str, str]]) -> None:
    user = text(row, "username")
    account = made.name("account", text(row, "account_id"))
    if text(row, "status") != "1":
        made.notes.add("endpoint.off", user)
        return
    if made.get("accounts", account) is None:
        made.notes.add("invalid", f"endpoints {user}: account {text(row, 'account_id') or '-'}")
        return
    body: Body = {"account": account, "user": user, "domain": domain}
    extension = text(row, "extension_no")
    if (account, extension) in extensions:
        made.notes.add("endpoint.extension", f"{user}: {extension}")
    elif extension:
        body["extension"] = extension
    if (caller := text(row, "caller_id")) and _CALLER.fullmatch(caller):
        body["caller_id"] = caller
    secret = text(row, "secret")
    if secret:  # of which only this is kept, as RFC 2617 has it
        body["ha1"] = hashlib.md5(f"{user}:{domain}:{secret}".encode(), usedforsecurity=False).hexdigest()
    else:
        made.notes.add("endpoint.secret", user)
    if not made.add("endpoints", body, text(row, "display_name") or text(row, "name")):
        return
    extensions.add((account, extension))
    _limits(row, made, user, "sip")
    if text(row, "ipauthfrom") in ("SRC", "FROM"):
        made.notes.add("endpoint.address_check", f"{user}: {text(row, 'ipaddress')}")
    if any(text(row, key) == "Y" for key in _FORWARDS):
        made.notes.add("endpoint.forward", user)
    if text(row, "voicemail_enabled") == "Y":
        made.notes.add("endpoint.voicemail", user)


def trunks(source: Source, made: Made, numbering: Numbering) -> None:
    """Put those addresses in who are on; of any call one account at most may be the caller."""
    taken: dict[str, list[tuple[str, str]]] = {}  # prefix and account of an address
    rows = source.rows("customer_ips")
    for row in sorted(rows, key=lambda row: bool(text(row, "billingcode"))):
        written, account = text(row, "ipaddress"), made.name("account", text(row, "account_id"))
        prefix = text(row, "dialprefix").removesuffix("%")
        about = f"{prefix and prefix + '@'}{written}"
        address = _address(written)
        if text(row, "ip_status") != "1":
            made.notes.add("endpoint.off", about)
        elif address is None or not _DIAL_PREFIX.fullmatch(prefix) or made.get("accounts", account) is None:
            made.notes.add("invalid", f"endpoints {about}: account {text(row, 'account_id') or '-'}")
        elif any(_conflict(prefix, account, *other) for other in taken.get(address, ())):
            made.notes.add("endpoint.conflict", f"{about}: account {account}")
        else:
            body: Body = {"account": account, "address": address}
            if prefix:
                body |= {"prefix": prefix, "numbers": {"called": numbering.prepending(prefix)}}
            if made.add("endpoints", body, text(row, "description")):
                taken.setdefault(address, []).append((prefix, account))
                _limits(row, made, about, "ip")


def _limits(row: Row, made: Made, about: str, kind: str) -> None:
    calls, cps = whole(row, f"{kind}_cc"), whole(row, f"{kind}_cps")
    if calls or cps:
        made.notes.add("endpoint.limits", f"{about}: {calls or '-'}, {cps or '-'}/s")


def _address(written: str) -> str | None:
    try:
        return str(ip_address(written))
    except ValueError:
        return None


def _conflict(prefix: str, account: str, other_prefix: str, other_account: str) -> bool:
    if account == other_account:
        return prefix == other_prefix
    return prefix.startswith(other_prefix) or other_prefix.startswith(prefix)
