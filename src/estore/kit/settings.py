"""Settings from the environment, `ESTORE_*`, checked before anything starts.

Prevents: a typo that is found in production at midnight. A wrong setting stops the start with one line naming it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

T = TypeVar("T", bound=msgspec.Struct)
PREFIX = "ESTORE_"
FILE = "_FILE"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")


class SettingError(ValueError):
    """A setting is missing or wrong; the message is one line that names the variable."""


class Login(str):
    """A DSN. also: the same with other passwords, one of which the server may still, or already, want."""

    also: Sequence[str]

    def __new__(cls, dsn: str, also: Sequence[str] = ()) -> Login:
        login = super().__new__(cls, dsn)
        login.also = tuple(also)
        return login


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service is told.

    database_url: admin or shared server; a service logs in there as `estore_<service>`, unless
    ESTORE_<SERVICE>_DATABASE_URL says otherwise. amqp_url: RabbitMQ; empty means the local bus.
    secret: from which role passwords and signing secrets are derived; keep it for as long as the data. A service may
    have one of its own, ESTORE_<SERVICE>_SECRET.
    secret_accepted: another master secret, whose signatures and logins are good too, while `secret` is exchanged: the
    next one first, the last one then. A service may have one of its own, ESTORE_<SERVICE>_SECRET_ACCEPTED.
    public_url: where clients reach the store; links begin with it.
    sandbox: the sandbox payment provider and mailbox may be used. rate_factor: scales all rate limits, 0 is off.
    currency: of the marketplace. pool_max: connections per service and process. data: folder of the embedded store.
    proxies: addresses and networks (CIDR) of the gateways whose X-Forwarded-For is believed, with commas between.
    cors_origins: `https://shop.example,...`, whose pages may call the API from a browser; `*` for all, empty for none.
    start_wait: seconds for which `serve` waits for its databases and their migrations, instead of ending at once.
    linger: seconds for which a process that is told to end still serves, while `/readyz` says no already.
    log_level: what is logged, and what is worse. log_format: `json` for machines, `console` for people.
    otlp_endpoint: collector of traces (OTLP/HTTP), such as `http://jaeger:4318`; empty: none, at no cost.
    trace_ratio: share of the traces that begin here which are collected, 0 to 1.
    """

    database_url: str = ""
    amqp_url: str = ""
    secret: str = ""
    secret_accepted: str = ""
    public_url: str = "http://127.0.0.1:8000"
    currency: str = "EUR"
    sandbox: bool = True
    rate_factor: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    proxies: str = "127.0.0.1,::1"
    cors_origins: str = ""
    start_wait: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    linger: Annotated[float, msgspec.Meta(ge=0, le=300)] = 0.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otlp_endpoint: str = ""
    trace_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    pool_max: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 6
    data: Path = Path(".estore")
    environment: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        databases = {name: url for name, url in self.environment.items() if name.endswith("_DATABASE_URL")}
        for name, url in (databases | {f"{PREFIX}DATABASE_URL": self.database_url}).items():
            if name.startswith(PREFIX):
                _check_url(name, url, ("postgresql", "postgres"))
        _check_url(f"{PREFIX}AMQP_URL", self.amqp_url, ("amqp", "amqps"))
        _check_url(f"{PREFIX}PUBLIC_URL", self.public_url, ("http", "https"))
        _check_url(f"{PREFIX}OTLP_ENDPOINT", self.otlp_endpoint, ("http", "https"))
        for proxy in self.proxies.split(","):
            try:
                ip_network(proxy.strip())
            except ValueError as error:
                raise SettingError(f"{PREFIX}PROXIES={self.proxies!r} is wrong: {error}") from None
        for origin in self.origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                name = f"{PREFIX}CORS_ORIGINS={self.cors_origins!r}"
                rule = "scheme, host and port only, in small letters, such as https://shop.example"
                raise SettingError(f"{name} is wrong: {origin!r} is no origin; that is {rule}")

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of `cors_origins` (RFC 6454)."""
        return tuple(origin for part in self.cors_origins.split(",") if (origin := part.strip()))

    def derived(self, purpose: str) -> str:
        """Return a secret for `purpose`, derived from the master secret (HMAC-SHA256, hex).

        The master secret is ESTORE_<SERVICE>_SECRET of the service that the purpose begins with, where there is one.
        Raises SettingError where there is no master secret.
        """
        return self.accepted(purpose)[0]

    def accepted(self, purpose: str) -> tuple[str, ...]:
        """Return what `derived` returns, to sign with, and after it what is to be accepted besides. Raises as it."""
        own = f"{PREFIX}{purpose.partition(' ')[0].upper()}_SECRET"
        secret = self.environment.get(own) or self.secret
        if not secret:
            raise SettingError(f"{PREFIX}SECRET must be set: without it anybody can derive the store's secrets")
        other = self.environment.get(f"{own}_ACCEPTED") or self.secret_accepted
        masters = dict.fromkeys([secret, other] if other else [secret])
        return tuple(hmac.new(each.encode(), purpose.encode(), hashlib.sha256).hexdigest() for each in masters)

    def database_of(self, service: str) -> str:
        """Return the DSN with which `service` logs in, a `Login`. Raises SettingError when no database is named."""
        own = self.environment.get(f"{PREFIX}{service.upper()}_DATABASE_URL")
        if own:
            return own
        if not self.database_url:
            raise SettingError(f"{PREFIX}DATABASE_URL or {PREFIX}{service.upper()}_DATABASE_URL must be set")
        parts = urlsplit(self.database_url)
        host = parts.netloc.rpartition("@")[2]
        logins = [
            urlunsplit(parts._replace(netloc=f"estore_{service}:{quote(password, safe='')}@{host}"))
            for password in self.accepted(f"role {service}")
        ]
        return Login(logins[0], logins[1:])

    def section(self, service: str, kind: type[T]) -> T:
        """Return a service's own settings: `ESTORE_<SERVICE>_<FIELD>` for each field of the struct `kind`."""
        return load(kind, self.environment, f"{PREFIX}{service.upper()}_")


def _check_url(name: str, url: str, schemes: Sequence[str]) -> None:
    """Raise SettingError where `url` is set and wrong; the message does not show it, for it may hold a password."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        _ = parts.port
        known = parts.scheme in schemes
    except ValueError:
        known = False
    if not known:
        raise SettingError(f"{name} is wrong: it must be an address that begins with {schemes[0]}://")


def with_files(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with the contents of `ESTORE_<NAME>_FILE` as `ESTORE_<NAME>`, less their last newline.

    Raises SettingError for a file that is empty or cannot be read, and where both are set.
    """
    found = {name: value for name, value in environment.items() if not _by_file(name)}
    for variable in sorted(name for name in environment if _by_file(name)):
        if not environment[variable]:
            continue
        name = variable.removesuffix(FILE)
        if environment.get(name):
            raise SettingError(f"{name} and {variable} are both set; one of them is meant")
        try:
            text = Path(environment[variable]).read_text("utf-8")
        except OSError as error:
            raise SettingError(f"{variable}={environment[variable]} cannot be read: {error.strerror}") from None
        except ValueError:
            raise SettingError(f"{variable}={environment[variable]} cannot be read: it is no text in UTF-8") from None
        found[name] = text.removesuffix("\n").removesuffix("\r")
        if not found[name].strip():
            raise SettingError(f"{variable}={environment[variable]} is empty")
    return found


def _by_file(variable: str) -> bool:
    return variable.startswith(PREFIX) and variable.endswith(FILE)


def load(kind: type[T], environment: Mapping[str, str], prefix: str = PREFIX, **overrides: Any) -> T:
    """Read `kind` from `environment`: field `log_level` from `ESTORE_LOG_LEVEL`. Raises SettingError."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        name = f"{prefix}{field.name.upper()}"
        if field.name in overrides:
            values[field.name] = overrides[field.name]
            continue
        if field.name == "environment" or not environment.get(name):
            continue
        raw = environment[name]
        try:
            values[field.name] = msgspec.convert(_plain(raw, field.type), field.type, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise SettingError(f"{name}={raw!r} is wrong: {error}") from None
    if any(field.name == "environment" for field in msgspec.structs.fields(kind)):
        values.setdefault("environment", dict(environment))
    try:
        return kind(**values)
    except TypeError as error:
        raise SettingError(f"{prefix}*: {error}") from None


_BOOLEANS: Mapping[str, Any] = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)


def _plain(raw: str, kind: Any) -> Any:
    return _BOOLEANS.get(raw.strip().lower(), raw) if kind is bool else raw


def _path(kind: type[Any], value: Any) -> Any:
    return Path(value) if kind is Path else value
