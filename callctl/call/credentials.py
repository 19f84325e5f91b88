"""The password that convinces a carrier: in a file on the controller and nowhere else, read when a call is made."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from callctl.errors import ConfigError, UnsafeText
from callctl.esl import command

MEND = "put the carrier's password alone into it, readable by the user callctl runs as"


def password(file: Path) -> SecretStr:
    """The password in a file. Raises ConfigError, which names the file and never shows what is in it."""
    try:
        text = file.read_text(encoding="utf-8").strip()
        return SecretStr(command.password(text))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, UnsafeText):
        raise ConfigError(f"{file} has no password that FreeSWITCH takes: {command.PASSWORDS}") from None


def lacking(file: Path) -> str:
    """Why the password in a file cannot be used; "" where it can."""
    try:
        password(file)
    except ConfigError as error:
        return str(error)
    return ""
