"""Every setting there is, read from the structs that hold them: for the guide, and to refuse misspelt ones."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_origin

import msgspec

from estore.cli.compose import SERVICES
from estore.kit.settings import PREFIX, SettingError, Settings, load
from estore.kit.texts import meanings

# Read by the launcher, the tests and the compose file, not by a service.
OTHERS = {
    "ESTORE_DATA": "data folder of `up` and of the commands that look into its store",
    "ESTORE_PYTHON": "interpreter that `./estore` makes `.venv` with",
    "ESTORE_PORT": "port of the gateway in compose.yaml, 8000 without",
    "ESTORE_BIND": "address on which compose.yaml publishes it, 127.0.0.1 without; 0.0.0.0 is everywhere",
    "ESTORE_SEED": "1: compose.yaml fills the store with the demo marketplace",
    "ESTORE_IMAGE": "the image that compose.yaml runs, `estore` without",
    "ESTORE_PULL": "`missing`: compose.yaml pulls that image; `never` without, because it builds it",
    "ESTORE_TEST_DATABASE_URL": "PostgreSQL for the tests, instead of one of their own",
    "ESTORE_TEST_AMQP_URL": "RabbitMQ for the tests, instead of one of their own",
    "ESTORE_TEST_EXAMPLES": "Stories per currency that the model of money is held against",
    "ESTORE_TEST_STEPS": "Steps of each such story, at most",
}


class Setting(msgspec.Struct, frozen=True):
    """One variable. default: as it would be written; empty for none."""

    name: str
    kind: str
    default: str
    meaning: str


def settings() -> list[Setting]:
    """Return all settings, the shared ones first."""
    found = _of(Settings, PREFIX)
    for service in SERVICES:
        own = _prefix(service)
        found.append(Setting(f"{own}DATABASE_URL", "text", "", f"database of {service}, instead of the shared one"))
        found.append(Setting(f"{own}SECRET", "text", "", f"secret of {service}, instead of the shared one"))
        meaning = f"secret that {service} accepts besides, instead of the shared one"
        found.append(Setting(f"{own}SECRET_ACCEPTED", "text", "", meaning))
        for cls in _structs(service):
            found += _of(cls, own)
    return found


def check(environment: Mapping[str, str]) -> None:
    """Refuse ESTORE_* variables that nothing reads, and services' own ones that are wrong.

    Raises SettingError naming the first, and what it may mean. Imports services only where their settings are used.
    """
    shared = {setting.name for setting in _of(Settings, PREFIX)} | set(OTHERS)
    shared |= {
        f"{_prefix(service)}{name}" for service in SERVICES for name in ("DATABASE_URL", "SECRET", "SECRET_ACCEPTED")
    }
    others = sorted(name for name in environment if name.startswith(PREFIX) and name not in shared)
    if not others:
        return
    known = {setting.name for setting in settings()} | shared
    for name in others:
        if name not in known:
            close = get_close_matches(name, known, 1)
            raise SettingError(f"{name} is no setting{f'; is {close[0]} meant?' if close else ''}")
    for service in SERVICES:
        for cls in _structs(service):
            load(cls, environment, _prefix(service))


def _prefix(service: str) -> str:
    return f"{PREFIX}{service.upper()}_"


def _structs(service: str) -> list[type[msgspec.Struct]]:
    """Return the structs that hold a service's own settings."""
    module = importlib.import_module(f"estore.services.{service}.app")
    return [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if cls.__module__ == module.__name__ and issubclass(cls, msgspec.Struct) and cls.__name__.endswith("Settings")
    ]


def render() -> str:
    """Return docs/guide/settings.md."""
    lines = [
        "# Settings",
        "",
        "Environment variables. A wrong or misspelt one stops the start with one line that names it. This page is",
        "generated from the code: `python -m estore.cli.settings_table > docs/guide/settings.md`.",
        "",
        "Each may come from a file instead, named by `<NAME>_FILE`: `ESTORE_SECRET_FILE=/run/secrets/secret`. Its last",
        "newline does not count. A file that cannot be read, or a variable that is set both ways, stops the start.",
        "",
        "| variable | kind | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| `{s.name}` | {s.kind} | {f'`{s.default}`' if s.default else ''} | {s.meaning} |" for s in settings()]
    lines += [f"| `{name}` | text | | {meaning} |" for name, meaning in sorted(OTHERS.items())]
    return "\n".join(lines) + "\n"


def _of(cls: type[msgspec.Struct], prefix: str) -> list[Setting]:
    fields = [field for field in msgspec.structs.fields(cls) if field.name != "environment"]
    known = meanings(inspect.getdoc(cls) or "", [field.name for field in fields])
    told = {name: meaning.replace("|", "\\|") for name, meaning in known.items()}
    return [
        Setting(f"{prefix}{f.name.upper()}", _kind(f.type), _default(f.default), told.get(f.name, "")) for f in fields
    ]


def _kind(kind: Any) -> str:
    if get_origin(kind) is not None and hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    choices = [a for a in get_args(kind) if isinstance(a, str)]
    if choices:
        return " or ".join(f"`{choice}`" for choice in choices)
    present = [argument for argument in get_args(kind) if argument is not type(None)]
    if len(present) == 1:
        kind = present[0]
    names = {str: "text", int: "whole number", float: "number", bool: "yes or no"}
    return names.get(kind, "path" if getattr(kind, "__name__", "") == "Path" else "text")


def _default(value: Any) -> str:
    if value is msgspec.NODEFAULT or value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


if __name__ == "__main__":
    print(render(), end="")
