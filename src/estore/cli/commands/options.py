"""What commands are told: the options that many of them share, and the settings of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from estore.cli.commands.failures import fail
from estore.kit.settings import SettingError, Settings, load, with_files

Data = Annotated[Path, typer.Option("--data", help="Folder of the embedded store.", envvar="ESTORE_DATA")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DEFAULT_DATA = Path(".estore")


def settings_from_environment() -> Settings:
    """Read the settings, or end with exit code 2 and the name of the wrong or misspelt one."""
    from estore.cli import settings_table

    try:
        environment = with_files(os.environ)
        settings_table.check(environment)
        return load(Settings, environment)
    except SettingError as error:
        fail(str(error), 2)


def attached(data: Path) -> Settings:
    """Return the settings of the store to work on: those in the environment, else of the store running on `data`."""
    from estore.cli import store

    settings = settings_from_environment()
    if settings.database_url or any(key.endswith("_DATABASE_URL") for key in settings.environment):
        return settings
    try:
        return store.running(data)
    except store.NotRunning as error:
        fail(str(error))
