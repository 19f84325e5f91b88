"""The `accounts` and `endpoints` lists of declarative files."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from callctl.declaration.file import Currency, Entry, Name
from callctl.declaration.media import MediaEntry
from callctl.declaration.numbers import CallerIdEntry, ForwardEntry, RewritingEntry
from callctl.declaration.tariff import Amount


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"there is no time zone {name!r}; write one as Asia/Shanghai") from error
    return name


Zone = Annotated[str, AfterValidator(_zone)]
User = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+*-]{1,64}$")]
Domain = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]
Prefix = Annotated[str, Field(pattern=r"^[0-9*#]{1,20}$")]
Codec = Annotated[str, Field(pattern=r"^[A-Z0-9_.-]{1,32}$")]


LEAST_PASSWORD = 8  # characters
MOST = 4_500_000_000  # of a currency; Redis can still add two such amounts and count every micro-unit
Money = Annotated[Amount, Field(le=MOST, decimal_places=6)]


class LimitsEntry(Entry):
    """How much at once; what is not named has no limit."""

    calls: int | None = Field(None, ge=0, le=1_000_000)
    cps: int | None = Field(None, ge=0, le=100_000)


class AccountLimits(LimitsEntry):
    """An account's, which may be of money too: a day of its time zone, a minute of a call."""

    spend_per_day: Money | None = None
    price_per_minute: Amount | None = None


class AccountEntry(Entry):
    """An account. No codecs: the platform's; no max_duration (seconds): the platform's."""

    name: Name
    status: Literal["active", "closed"] = "active"
    codecs: tuple[Codec, ...] = ()
    codec_check: bool = True
    max_duration: int | None = Field(None, gt=0, le=86_400 * 7)
    parent: Name | None = None
    limits: AccountLimits = AccountLimits()
    mode: Literal["prepaid", "postpaid"] = "prepaid"
    credit_limit: Money = Decimal(0)  # how far a postpaid balance may fall below nothing
    tariff: Name | None = None
    currency: Currency | None = None
    timezone: Zone = "UTC"  # by whose clock the windows of its rates hold
    blocked: tuple[Prefix, ...] = ()
    allowed: tuple[Prefix, ...] = ()
    premium: bool = False
    routes: Name | None = None  # by which it calls outside; none: it does not
    tariff_in: Name | None = None  # what calls to its DIDs cost it
    numbers: RewritingEntry = RewritingEntry()  # of calls it makes
    caller_ids: CallerIdEntry = CallerIdEntry()
    media: MediaEntry = MediaEntry()

    @model_validator(mode="after")
    def _credit_is_postpaid(self) -> Self:
        if self.mode == "prepaid" and self.credit_limit:
            raise ValueError("a prepaid account has no credit_limit; make its mode postpaid or leave it out")
        if self.mode == "postpaid" and "credit_limit" not in self.model_fields_set:
            raise ValueError("a postpaid account needs a credit_limit: how far its balance may fall below nothing")
        return self

    @property
    def key(self) -> str:
        """What names it among accounts."""
        return self.name


class EndpointEntry(Entry):
    """A phone (user at domain) or a trunk (address or network)."""

    account: Name
    user: User | None = None
    domain: Domain | None = None
    address: Annotated[str, AfterValidator(_network)] | None = None
    prefix: Prefix | None = None  # that the trunk dials in front of the number
    extension: Annotated[str, Field(pattern=r"^[0-9*+]{1,32}$")] | None = None
    caller_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z+*_.-]{0,64}$")] = ""
    codecs: tuple[Codec, ...] = ()
    limits: LimitsEntry = LimitsEntry()
    numbers: RewritingEntry = RewritingEntry()  # of calls it makes, before its account's
    caller_ids: CallerIdEntry | None = None  # else its account's
    media: MediaEntry = MediaEntry()
    forward: ForwardEntry = ForwardEntry()
    dnd: bool = False
    # What the phone proves itself by: MD5 of USER:DOMAIN:PASSWORD, and all that is kept of a `password`.
    ha1: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _forget_password(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "password" not in given:
            return given
        kept = {key: value for key, value in given.items() if key != "password"}
        password, user, domain = given["password"], given.get("user"), given.get("domain")
        if not isinstance(password, str) or len(password) < LEAST_PASSWORD or not password.isprintable():
            raise ValueError(f"a password is a text of {LEAST_PASSWORD} characters or more, in quotes")
        if not isinstance(user, str) or not isinstance(domain, str) or given.get("ha1") is not None:
            raise ValueError("a password is for an endpoint with user and domain, in place of ha1")
        secret = f"{user}:{domain.lower()}:{password}".encode()
        return kept | {"ha1": hashlib.md5(secret, usedforsecurity=False).hexdigest()}  # as RFC 2617 has it

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.user is None) == (self.address is None):
            raise ValueError("an endpoint has either a user or an address")
        if self.user is not None and self.domain is None:
            raise ValueError("an endpoint with a user has a domain")
        if self.address is not None and (self.domain or self.extension):
            raise ValueError("an endpoint with an address has neither domain nor extension")
        if self.address is not None and self.ha1 is not None:
            raise ValueError("only an endpoint with a user has a ha1")
        if self.address is not None and (self.dnd or self.forward != ForwardEntry()):
            raise ValueError("only an endpoint with a user has forward and dnd")
        if self.user is not None and self.prefix:
            raise ValueError("only an endpoint with an address has a prefix")
        return self

    @property
    def key(self) -> str:
        """What names it among endpoints: user@domain, or the network, or prefix@network."""
        if self.domain is not None:
            return f"{self.user}@{self.domain.lower()}"
        return f"{self.prefix}@{self.address}" if self.prefix else str(self.address)
