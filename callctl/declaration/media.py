"""The `media` of accounts, endpoints and carriers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from callctl.declaration.file import Entry


class MediaEntry(Entry):
    """How media goes. What is not said is as the next wider one says: endpoint or carrier, account, platform."""

    path: Literal["switch", "proxy", "bypass"] | None = None  # through FreeSWITCH, through it untouched, around it
    transcoding: bool | None = None
    order: Literal["caller", "listed"] | None = None  # of codecs: the caller's, or that of `codecs`
    relay: bool | None = None  # whether the edge relays media
    srtp: Literal["off", "offered", "demanded"] | None = None
    early_media: Literal["passed", "held"] | None = None
    fax: bool | None = None  # T.38 is passed through

    @model_validator(mode="after")
    def _possible(self) -> Self:
        around = self.path in ("bypass", "proxy")
        if around and self.transcoding:
            raise ValueError(f"path {self.path} leaves FreeSWITCH no media to transcode; make one of them another")
        if around and self.srtp is not None:
            raise ValueError(f"path {self.path} leaves FreeSWITCH no part in encryption; leave srtp out or the path")
        if around and self.fax:
            raise ValueError(f"path {self.path} passes T.38 as it comes; leave fax out or the path")
        if self.relay is False and self.srtp in ("offered", "demanded"):
            raise ValueError("an edge encrypts where it relays; leave relay out or srtp")
        if self.fax and self.srtp == "demanded":
            raise ValueError("T.38 is not encrypted; leave fax out, or make srtp offered")
        if self.path == "bypass" and self.early_media == "held":
            raise ValueError("path bypass gives FreeSWITCH no media to hold back; make one of them another")
        return self
