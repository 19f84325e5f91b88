"""An OV500 installation, table by table, in the order in which things name each other."""

from __future__ import annotations

from callctl.declaration.account import Zone
from callctl.ov500.accounts import Accounts
from callctl.ov500.carriers import carriers
from callctl.ov500.currencies import currencies
from callctl.ov500.dids import dids
from callctl.ov500.endpoints import phones, trunks
from callctl.ov500.made import Made
from callctl.ov500.numbering import Numbering
from callctl.ov500.routes import Routes
from callctl.ov500.source import Source
from callctl.ov500.tariffs import Tariffs


def read(source: Source, domain: str | None, timezone: Zone) -> Made:
    """All that has a counterpart, and what is to be said of the rest. Raises ConfigError, StoreError."""
    made = Made()
    codes = currencies(source, made)
    tariffs = Tariffs(source, made, codes)
    numbering = Numbering(source, made)
    carriers(source, made, codes, tariffs, numbering, timezone)
    routes = Routes(source, made, timezone)
    Accounts(source, made, codes, tariffs, numbering, routes).put(timezone)
    phones(source, made, domain)
    trunks(source, made, numbering)
    dids(source, made, numbering, domain)
    tariffs.rest()
    return made
