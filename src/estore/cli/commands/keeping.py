"""Commands that keep what a store holds: `copy-index`, `backup`, `restore`, `republish`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from estore.cli.commands.failures import guarded
from estore.cli.commands.options import DEFAULT_DATA, AsJson, Data, attached, settings_from_environment


def copy_index(
    target: Annotated[Path, typer.Argument(help="A new folder; hard links where it is on the same disk.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Copy the search index of this machine whole, while it is used: for a new replica, which then catches up."""
    from estore.cli import search_index

    settings = attached(data)
    position = guarded(lambda: search_index.copy(settings, target))
    print(f"{target}: up to change {position}. Move it to the other machine, and name it in ESTORE_SEARCH_FOLDER.")


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder.")], data: Data = DEFAULT_DATA, as_json: AsJson = False
) -> None:
    """Write every service's tables as of one moment into a folder, while the store runs. Not the secrets."""
    from estore.cli import backup as backup_command

    settings = attached(data)
    made = guarded(lambda: asyncio.run(backup_command.backup(settings, folder)))
    if as_json:
        print(msgspec.json.encode(made).decode())
        return
    print(f"{folder}: the store as of {made.made_at:%Y-%m-%d %H:%M:%S.%f} UTC, {made.bytes / 1e6:.1f} MB")
    print(f"in {made.seconds:.1f} s, during which writes waited {made.held_ms} ms. Keep the secrets elsewhere.")


def restore(
    folder: Annotated[Path, typer.Argument(help="What `estore backup` wrote.")],
    data: Annotated[Path | None, typer.Option("--data", help="New folder of an embedded store.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a store from a backup, in the empty databases of the settings or in --data; prove it, and say how long."""
    from estore.cli import doctor as doctor_command
    from estore.cli import restore as restore_command

    settings = settings_from_environment()
    made = guarded(
        lambda: asyncio.run(
            restore_command.restore_embedded(data.expanduser().absolute(), folder)
            if data is not None
            else restore_command.restore(settings, folder)
        )
    )
    if as_json:
        print(msgspec.json.encode(made).decode())
    else:
        doctor_command.show(made.findings)
        print(f"as of {made.made_at:%Y-%m-%d %H:%M:%S} UTC; {made.republished} events are on their way again")
        print(", ".join(f"{step} {seconds:.1f} s" for step, seconds in made.seconds.items()))
    raise SystemExit(0 if made.holds else 1)


def republish(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Publish again what some queue has not applied: after RabbitMQ or a database was set up anew."""
    from estore.cli import restore as restore_command

    settings = attached(data)
    found = guarded(lambda: asyncio.run(restore_command.republish(settings)))
    print(json.dumps(found) if as_json else f"{sum(found.values())} events are on their way again")
