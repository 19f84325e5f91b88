"""The `numbers` list of declarative files, and how other entries name numbers and the rules for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from callctl.declaration.file import Entry, ItemEntry, Name
from callctl.routing.numbers import LONGEST, Rule, from_ov500

Digits = Annotated[str, Field(pattern=r"^[0-9*#+]{0,32}$")]
Number = Annotated[str, Field(pattern=r"^\+?[0-9]{2,20}$"), AfterValidator(lambda text: text.removeprefix("+"))]


def _of_ov500(value: Any) -> Any:
    """A rule may stand as a text in OV500's notation."""
    if not isinstance(value, str):
        return value
    rule = from_ov500(value)
    strip: int | str = "all" if rule.strip is None else rule.strip
    entry = {"match": rule.match, "strip": strip, "add": rule.add}
    return entry if rule.most == LONGEST else {**entry, "length": rule.most}


class RuleEntry(Entry):
    """What becomes of a number that begins with `match`: `strip` of its characters go, `add` comes in front."""

    match: Digits = ""
    strip: Annotated[int, Field(ge=0, le=LONGEST)] | Literal["all"] = 0
    add: Digits = ""
    length: Annotated[int, Field(ge=1, le=LONGEST)] | tuple[int, int] | None = None  # of the number: 10, or [7, 12]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.strip == "all" and not self.add:
            raise ValueError("strip: all leaves nothing of the number; say what to add")
        if isinstance(self.length, tuple) and not 0 < self.length[0] <= self.length[1] <= LONGEST:
            raise ValueError(f"a length is one number or [least, most], from 1 to {LONGEST}")
        return self

    def rule(self) -> Rule:
        """The rule that rewrites."""
        least, most = self.length if isinstance(self.length, tuple) else (self.length or 0, self.length or LONGEST)
        return Rule(self.match, None if self.strip == "all" else self.strip, self.add, least, most)


class NumbersEntry(ItemEntry):
    """Rules under one name, in order: the first that can be applied wins."""

    name: Name
    rules: tuple[Annotated[RuleEntry, BeforeValidator(_of_ov500)], ...] = Field(min_length=1, max_length=1000)

    @property
    def key(self) -> str:
        """What names it among number rules."""
        return self.name


class RewritingEntry(Entry):
    """Which rules rewrite the called and the caller's number."""

    called: Name | None = None
    caller: Name | None = None


class ShownFor(Entry):
    """The number that callees of a prefix are shown."""

    prefix: Digits
    number: Number


class CallerIdEntry(Entry):
    """Which number callees are shown. Without any of these it is the endpoint's `caller_id`."""

    allowed: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{1,20}\*?$")], ...] = ()  # what it may say; 44207946* too
    forced: Number | None = None  # this one, whatever it says
    for_prefix: tuple[ShownFor, ...] = ()  # the longest prefix of the called number; before `forced`
    anonymous: bool = False  # none


class ForwardEntry(Entry):
    """Where a phone's calls go instead: an extension, a user or a number, as its account would dial it."""

    always: Digits = ""
    busy: Digits = ""
    no_answer: Digits = ""
    not_registered: Digits = ""
