"""SIP as far as it is spoken here: OPTIONS over UDP, asked again where nothing comes back."""

from __future__ import annotations

from callctl.doctor.finding import Words
from callctl.live import options

PATIENCE = 1.0  # seconds
TIMES = 3


def ask(address: str, uri: str = "", to: str = "") -> str | None:
    """The message that comes back from HOST:PORT, None when none does. Raises OSError where nobody listens."""
    for _ in range(TIMES):
        if (said := options.ask(address, PATIENCE, uri, to)) is not None:
            return said
    return None


def heard(address: str, uri: str, to: str = "") -> str:
    """The same, empty where nothing comes back for whatever reason."""
    try:
        return ask(address, uri, to) or ""
    except OSError:
        return ""


def status(address: str, uri: str, to: str = "") -> str:
    """Status and phrase of the answer; empty when none comes."""
    first = heard(address, uri, to).partition("\r\n")[0]
    return first.removeprefix("SIP/2.0 ") if first.startswith("SIP/2.0 ") else ""


def silence(address: str) -> Words | None:
    """Why nothing is heard from HOST:PORT; None where SIP is spoken there."""
    try:
        said = ask(address)
    except ConnectionRefusedError:
        return Words("nobody listens there", "该处无人监听")
    except OSError as error:
        return Words(str(error.strerror or error), str(error.strerror or error))
    if said is None:
        return Words("no answer to OPTIONS", "OPTIONS 无应答")
    return None if "SIP/2.0" in said.partition("\r\n")[0] else Words("what answers is not SIP", "应答的不是 SIP")
