"""Where a number is of, for people to read. No call depends on it."""

from __future__ import annotations

from functools import lru_cache

from callctl.language import Lang


@lru_cache(4096)
def country(number: str, lang: Lang) -> str:
    """The country of a number in international form, with or without + in front; "" where that is no such number."""
    import phonenumbers  # noqa: PLC0415  few commands name countries, and loading it takes a while
    from phonenumbers.geocoder import country_name_for_number  # noqa: PLC0415

    try:
        parsed = phonenumbers.parse(f"+{number.removeprefix('+')}")
    except phonenumbers.NumberParseException:
        return ""
    return country_name_for_number(parsed, lang) or country_name_for_number(parsed, "en")
