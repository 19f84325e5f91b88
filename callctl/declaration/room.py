"""Conference rooms in declarative files."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from callctl.declaration.file import ItemEntry, Name
from callctl.model import ROOM
from callctl.settings import Profile


class RoomEntry(ItemEntry):
    """A room that is called as conf_NAME. No profile: the platform's; no pin: none is asked."""

    name: Annotated[str, Field(pattern=f"^{ROOM}$")]
    account: Name
    pin: Annotated[str, Field(pattern=r"^[0-9]{1,16}$")] | None = None
    profile: Profile | None = None
    max_members: int | None = Field(None, ge=2, le=10_000)  # FreeSWITCH takes one for no limit

    @property
    def key(self) -> str:
        """What names it among rooms."""
        return self.name
