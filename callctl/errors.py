"""Every failure callctl raises on purpose.

A message is one sentence that names the cause and the mend; the command line prints it as it is and leaves with
`exit_code`.
"""


class CallctlError(Exception):
    """Something callctl can name; the root of the tree."""

    exit_code = 1


class ConfigError(CallctlError):
    """A setting, a file or an option is wrong."""

    exit_code = 2


class ServiceAway(CallctlError):
    """A service callctl needs (MySQL, Redis, FreeSWITCH) did not answer: not the same as an answer of "no"."""

    exit_code = 3


class StoreError(ServiceAway):
    """MySQL could not be asked, or refused what it was asked."""


class StoreRefused(StoreError):
    """MySQL refused a statement for the values in it: the same values will be refused again."""


class RedisAway(ServiceAway):
    """Redis could not be asked."""


class SpoolError(ServiceAway):
    """The local spool cannot take a record (disk full, folder gone)."""


class SwitchError(CallctlError):
    """FreeSWITCH, as seen over its event socket."""

    exit_code = 3


class Gone(SwitchError):
    """The socket to FreeSWITCH ended while something was waited for."""


class CommandFailed(SwitchError):
    """FreeSWITCH answered `-ERR`; `reply` is its text."""

    def __init__(self, command: str, reply: str) -> None:
        super().__init__(f"FreeSWITCH refused {command!r}: {reply}")
        self.reply = reply


class DeadlineExceeded(SwitchError):
    """FreeSWITCH did not answer in time."""


class WireError(SwitchError):
    """Bytes that are not the event socket's protocol, or more of them than may be held."""


class UnsafeText(CallctlError):
    """Text that must not reach FreeSWITCH: it would be read as a command, an expansion or a dial string."""


class AmountError(CallctlError):
    """An amount of money that cannot be counted exactly, or makes no sense where it stands."""
