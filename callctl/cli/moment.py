"""Times as options take them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click


class Moment(click.ParamType[datetime]):
    """A date or time of ISO 8601, UTC where it says no offset; given on as MySQL has it: UTC, without saying so."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment. Exit 2 for what is none."""
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is none; write one as 2026-03-01 or 2026-03-01T08:00:00+08:00", param, ctx)


class Day(click.ParamType[date]):
    """A date of ISO 8601."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day. Exit 2 for what is none."""
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is none; write one as 2026-03-01", param, ctx)
