"""Where a number is of, for people to read. No call depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from callctl.language import Lang

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

PREFIX = 4  # digits of a prefix by which nearly all countries are told apart
_LENGTHS = (10, 9, 8, 7, 11)  # of national numbers, the usual ones first
_DIGITS = "2345678901"  # that a prefix may go on with


class Countries(NamedTuple):
    """How many rates each country has, the most first; how many are of none, and beginnings of those prefixes."""

    rates: Mapping[str, int]
    unknown: int
    examples: tuple[str, ...]
    more: bool  # than the examples


@lru_cache(4096)
def country(number: str, lang: Lang) -> str:
    """The country of a number in international form, with or without + in front; "" where that is no such number."""
    import phonenumbers  # noqa: PLC0415  few commands name countries, and loading it takes a while

    try:
        parsed = phonenumbers.parse(f"+{number.removeprefix('+')}")
    except phonenumbers.NumberParseException:
        return ""
    named = _named(parsed, lang)
    if named or not phonenumbers.is_possible_number(parsed):
        return named
    return country_of_prefix(number.removeprefix("+"), lang)  # one that nobody has been given yet


def countries(counts: Mapping[str, int], lang: Lang) -> Countries:
    """The countries of rates, of which so many begin with each of some digits."""
    found: dict[str, int] = {}
    unknown: list[str] = []
    for prefix, count in counts.items():
        if name := country_of_prefix(prefix, lang):
            found[name] = found.get(name, 0) + count
        else:
            unknown.append(prefix)
    by_number = dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
    return Countries(by_number, sum(counts[prefix] for prefix in unknown), tuple(unknown[:3]), len(unknown) > 3)


def country_of_prefix(prefix: str, lang: Lang) -> str:
    """The country of most numbers that begin so; "" where no country's do."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE as REGIONS  # noqa: PLC0415
    from phonenumbers import PhoneNumber, example_number  # noqa: PLC0415

    code = next((prefix[:length] for length in (1, 2, 3) if _code(prefix[:length]) in REGIONS), "")
    if not code:
        return ""
    national = prefix[len(code) :]
    whole = ((national + _DIGITS)[: max(length, len(national))] for length in _LENGTHS)
    numbers = [PhoneNumber(country_code=int(code), national_number=int(digits)) for digits in whole]
    any_of_it = example_number(REGIONS[int(code)][0])  # of several countries with the code the main one
    for number in [*numbers, any_of_it] if any_of_it is not None else numbers:
        if name := _named(number, lang):
            return name
    return ""


def _named(number: PhoneNumber, lang: Lang) -> str:
    """The name of the one country in which a number is valid, or of the only one that has its code; "" without."""
    from phonenumbers import is_valid_number_for_region, region_codes_for_country_code  # noqa: PLC0415

    regions = region_codes_for_country_code(number.country_code or 0)
    if len(regions) > 1:
        regions = tuple(region for region in regions if is_valid_number_for_region(number, region))
    names = _names().get(regions[0], {}) if len(regions) == 1 else {}
    for name in (names.get(lang, ""), names.get("en", "")):
        whole = names.get(name[1:], "") if name.startswith("*") else name  # as it is called in another language
        if whole and not whole.startswith("*"):
            return whole
    return ""


@cache
def _names() -> Mapping[str, Mapping[str, str]]:
    """What each country is called in each language: of phonenumbers' places this alone, as its towns take seconds."""
    import phonenumbers  # noqa: PLC0415

    path = Path(phonenumbers.__file__).parent / "geodata" / "locale.py"
    spec = spec_from_file_location("phonenumbers.geodata.locale", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be read: install phonenumbers again")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    names: Mapping[str, Mapping[str, str]] = module.LOCALE_DATA
    return names


def _code(text: str) -> int:
    """A country's code, 0 where the text is none."""
    return int(text) if text.isascii() and text.isdecimal() and text[0] != "0" else 0
