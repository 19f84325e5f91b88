"""What an operator configures: one typed tree from callctl.toml and CALLCTL_* variables, read once at start.

A variable wins over the file: `CALLCTL_MYSQL__PASSWORD` is `[mysql] password`. Secrets may stand in a file of their own
(`password_file`), so that callctl.toml can be read by everybody.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from callctl.errors import ConfigError

DEFAULT_FILES = (Path("callctl.toml"), Path("/etc/callctl/callctl.toml"))


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; an IPv6 host stands in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _checked_address(text: str) -> str:
    split_address(text)
    return text


Address = Annotated[str, AfterValidator(_checked_address)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(lambda value: ip_network(value, strict=False))]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]


Profile = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$")]  # what a dial string may hold


class Section(BaseModel):
    """A part of the tree: unknown keys are errors, values do not change after start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WithPassword(Section):
    """A service with a password, given in place or as a file that holds nothing else."""

    password: SecretStr = SecretStr("")
    password_file: Path | None = None

    @model_validator(mode="after")
    def _read_password(self) -> Self:
        if self.password_file is not None:
            try:
                secret = self.password_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ValueError(f"password_file {self.password_file} cannot be read: {error.strerror}") from error
            object.__setattr__(self, "password", SecretStr(secret))
        return self


class Esl(Section):
    """The socket FreeSWITCH brings calls to."""

    listen: Address = "127.0.0.1:8084"
    allowed: tuple[Network, ...] = (ip_network("127.0.0.0/8"),)
    command_timeout: float = Field(5.0, gt=0)  # seconds FreeSWITCH may take for a reply
    linger: int = Field(10, gt=0)  # seconds FreeSWITCH keeps an ended call's socket for its last event
    max_sessions: int = Field(5000, gt=0)  # calls one worker holds a socket for; one more is refused at the door


class Node(WithPassword):
    """A FreeSWITCH node: `name` is its switchname, `esl` its event socket, `sip` where the core reaches its profile."""

    name: Name
    esl: Address = "127.0.0.1:8021"
    sip: Address
    profile: Profile = "internal"


class Edge(Section):
    """A Kamailio edge: `address` is its core-side SIP address; `sockets` what else its `location` rows may name."""

    name: Name
    server_id: int = Field(gt=0)
    address: Address
    sockets: tuple[str, ...] = ()
    sources: tuple[Network, ...] = ()  # where its INVITEs come from, when not from `address`
    enabled: bool = True


class Mysql(WithPassword):
    """A MySQL or MariaDB database."""

    host: str = "127.0.0.1"
    port: int = Field(3306, gt=0, lt=65536)
    user: str = "callctl"
    database: str = "callctl"
    connect_timeout: int = Field(3, gt=0)
    deadline: float = Field(10.0, gt=0)  # seconds a statement may take


class Location(Section):
    """Kamailio's (or OpenSIPS's) `location` table; `mysql` where it is not in callctl's own database."""

    table: str = Field("location", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63})?$")
    kind: Literal["kamailio", "opensips"] = "kamailio"
    use_domain: bool = True
    deadline: float = Field(1.0, gt=0, le=2.5)  # seconds; the dialplan's guard ends a call undecided after 3 to 4
    connections: int = Field(8, gt=0)
    mysql: Mysql | None = None
    # Kamailio's `subscriber` in the same database server, where `apply` is to write phones' passwords; empty: nowhere.
    subscriber: str = Field("", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63})?)?$")


class Redis(WithPassword):
    """The Redis that holds live state; `prefix` begins every key."""

    host: str = "127.0.0.1"
    port: int = Field(6379, gt=0, lt=65536)
    username: str | None = None
    database: int = Field(0, ge=0)
    prefix: str = "callctl:"
    timeout: float = Field(0.5, gt=0)
    events_max: int = Field(100_000, gt=0)
    events_age: int = Field(86_400, gt=0)  # seconds


class Spool(Section):
    """Where records are kept until MySQL has them."""

    directory: Path = Path("/var/lib/callctl")
    batch: int = Field(500, gt=0)
    min_free_mb: int = Field(100, ge=0)  # below this new calls are refused


CallKind = Literal["onnet", "conference", "service", "pstn", "did"]


class Calls(Section):
    """How calls are made when account and endpoint do not say."""

    ring_timeout: int = Field(30, gt=0, le=600)  # seconds
    max_duration: int = Field(14_400, gt=0)  # seconds
    codecs: tuple[str, ...] = ("OPUS", "G722", "PCMA", "PCMU")
    codec_check: tuple[CallKind, ...] = ("onnet", "conference", "service")
    echo_number: str = "*43"
    emergency: tuple[Annotated[str, Field(pattern=r"^[0-9]{2,8}$")], ...] = ()  # numbers
    emergency_route: str = ""  # the plan of routes by which calls to them go
    uri_hosts: tuple[Address, ...] = ()  # HOST:PORT of the SIP URIs that DIDs may lead to
    conference_profile: Profile = "default"
    proxy_media: bool = False

    @model_validator(mode="after")
    def _emergency_calls_go_somewhere(self) -> Self:
        if self.emergency and not self.emergency_route:
            raise ValueError("emergency numbers need an emergency_route: name a plan of `routes`")
        return self


class Money(Section):
    """How calls that cost money are paid for while they last."""

    rated: tuple[CallKind, ...] = ("pstn", "did")  # kinds that cost
    slice: int = Field(60, ge=10, le=3600)  # seconds of talk held at a time
    warn_before: int = Field(10, ge=0, le=60)  # seconds before money ends a call that its caller is told; 0: never
    warn_at: float = Field(0.8, gt=0, le=1)  # the part of a limit from which on events warn
    premium: tuple[Annotated[str, Field(pattern=r"^[0-9]{1,20}$")], ...] = ()  # prefixes of premium numbers


class Http(Section):
    """Health, readiness and metrics."""

    listen: Address = "127.0.0.1:8085"


class Log(Section):
    """Log lines on stderr."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="CALLCTL_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=None
    )

    esl: Esl = Esl()
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    mysql: Mysql = Mysql()
    location: Location = Location()
    redis: Redis = Redis()
    spool: Spool = Spool()
    calls: Calls = Calls()
    money: Money = Money()
    http: Http = Http()
    log: Log = Log()

    @model_validator(mode="after")
    def _no_double_names(self) -> Self:
        names: tuple[tuple[str, list[str]], ...] = (
            ("nodes: name", [node.name for node in self.nodes]),
            ("edges: name", [edge.name for edge in self.edges]),
            ("edges: server_id", [str(edge.server_id) for edge in self.edges]),
        )
        for what, values in names:
            double = {value for value in values if values.count(value) > 1}
            if double:
                raise ValueError(f"{what} {double.pop()} stands twice; each needs its own")
        return self

    @property
    def location_mysql(self) -> Mysql:
        """The database of the `location` table."""
        return self.location.mysql or self.mysql


def load(file: Path | None = None) -> Settings:
    """Settings from `file`, else from the first of DEFAULT_FILES that exists, and from CALLCTL_* variables.

    Raises ConfigError, one sentence that names the file and the first key that is wrong.
    """
    if file is not None and not file.is_file():
        raise ConfigError(f"There is no settings file {file}: name one that exists with --config.")
    chosen = file or next((path for path in DEFAULT_FILES if path.is_file()), None)

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, TomlConfigSettingsSource(settings_cls, chosen)

    where = str(chosen) if chosen else "the CALLCTL_* variables"
    try:
        return FromFile()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(f"In {where}: {_place(first['loc'])}{_reason(first)}.") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where} cannot be read as TOML: {error}.") from error


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location) + ": " if location else ""


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such setting; remove it or correct its name"
    return str(error["msg"]).removeprefix("Value error, ").rstrip(".")


def state_directory(settings: Settings) -> Path:
    """The spool folder, made with access for its owner only. Raises ConfigError where it cannot be."""
    folder = settings.spool.directory
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The spool folder {folder} cannot be made ({error.strerror}): "
            "set [spool] directory to one callctl may write."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"callctl may not write in the spool folder {folder}: give it to the user callctl runs as.")
    return folder
