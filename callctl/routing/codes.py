"""Service codes by which a phone says where its calls go instead, and that nobody is to disturb it."""

from __future__ import annotations

import re

from callctl.plan import Wish, Word

_WORDS: dict[str, Word] = {"21": "always", "67": "busy", "61": "no_answer", "62": "not_registered"}
_SET = re.compile(r"\*(21|67|61|62)\*(\+?[0-9*]{1,31})#?")
_UNSET = re.compile(r"##?(21|67|61|62)#")
_DND = {"*78": "1", "*79": ""}


def wish(called: str) -> Wish | None:
    """What a dialled code says; None for anything else that is dialled."""
    if called in _DND:
        return Wish("dnd", _DND[called])
    if found := _SET.fullmatch(called):
        return Wish(_WORDS[found[1]], found[2])
    if found := _UNSET.fullmatch(called):
        return Wish(_WORDS[found[1]], "")
    return None
