"""Which codecs a call may use: those the caller offers and everybody concerned allows."""

from __future__ import annotations

from collections.abc import Sequence

from callctl.outside import Media

# Other names that are in use for a codec whose name in SDP is the second.
ALIASES = {
    "G729A": "G729",  # Annex A is a cheaper encoder of the same stream, RFC 3551 section 4.5.6
    "G711U": "PCMU",
    "G711A": "PCMA",
}


def canonical(name: str) -> str:
    """The one name by which a codec is compared."""
    upper = name.upper()
    return ALIASES.get(upper, upper)


def in_order(codecs: tuple[str, ...], orders: Sequence[tuple[Media, Sequence[str]]]) -> tuple[str, ...]:
    """The codecs by the first of the lists whose side says that its own order holds; else as they are."""
    for media, listed in orders:
        if media.order == "listed" and listed:
            known = [canonical(name) for name in listed]
            return tuple(sorted(codecs, key=known.index))
    return codecs


def common(offer: Sequence[str], allowed_lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The codecs of `offer`, in its order, that every list allows; an empty list allows all."""
    allowed = [frozenset(map(canonical, names)) for names in allowed_lists if names]
    return tuple(name for name in dict.fromkeys(map(canonical, offer)) if all(name in names for names in allowed))
