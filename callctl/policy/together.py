"""How the media of a call goes whose two sides each have their own policy; one table, told in docs/media.md."""

from __future__ import annotations

from typing import Literal, NamedTuple

from callctl.outside import Media


class Together(NamedTuple):
    """What both sides come to."""

    path: Literal["switch", "proxy", "bypass"] = "switch"
    transcoding: bool = True
    early_media: bool = True  # passed to the caller
    fax: bool = False  # T.38 is passed through


def together(near: Media, far: Media, *, transcoding: bool) -> Together:
    """Of the caller's side and the callee's; `transcoding` says whether it is allowed where neither side says.

    What keeps more under control wins: through the switch over around it, no transcoding over transcoding, early media
    held over passed.
    """
    said = {near.path, far.path} - {None}
    path = next((each for each in ("switch", "proxy", "bypass") if each in said), "switch")
    # Encryption is between the switch and each side, so both need the switch.
    if {near.srtp, far.srtp} - {None}:
        path = "switch"
    allowed = {near.transcoding, far.transcoding} - {None}
    return Together(
        path=path,  # type: ignore[arg-type]
        transcoding=path == "switch" and (all(allowed) if allowed else transcoding),
        early_media="held" not in {near.early_media, far.early_media},
        fax=False not in {near.fax, far.fax} and True in {near.fax, far.fax},
    )
