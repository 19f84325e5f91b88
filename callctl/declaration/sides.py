"""Whether an endpoint's `media` goes together with its account's, over which it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from callctl.declaration.check import Accounts, Endpoints, Known
from callctl.declaration.media import MediaEntry
from callctl.errors import ConfigError

Said = Mapping[str, Any]


def check_media(accounts: Accounts, endpoints: Endpoints, known: Known) -> None:
    """Raise ConfigError, with its place, for the first `media` that is impossible together with the other's."""
    of_accounts = {name: body.get("media") or {} for name, body in known.accounts.items()}
    of_accounts |= {name: placed.entry.media.model_dump(exclude_none=True) for name, placed in accounts.items()}
    for name, account in accounts.items():
        _possible(account.at("media"), f"account {name}", of_accounts[name], {})
    for name, endpoint in endpoints.items():
        own = endpoint.entry.media.model_dump(exclude_none=True)
        _possible(endpoint.at("media"), f"endpoint {name}", own, of_accounts.get(endpoint.entry.account, {}))
    for name, body in known.endpoints.items():
        account_declared = accounts.get(body.get("account", ""))
        if account_declared is not None and name not in endpoints:
            of_account = of_accounts[account_declared.entry.key]
            _possible(account_declared.at("media"), f"endpoint {name}", body.get("media") or {}, of_account)


def _possible(place: str, who: str, own: Said, wider: Said) -> None:
    merged = {**wider, **own}
    try:
        MediaEntry.model_validate(merged)
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{place}: for {who}, {said}.") from error
