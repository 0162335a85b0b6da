"""Commands that prepare a store: `migrate`, `seed`."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import msgspec
import typer

from estore.cli.commands.failures import fail, guarded
from estore.cli.commands.options import DEFAULT_DATA, AsJson, Data, attached, settings_from_environment


def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Names of services; none means all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make roles and schemas where that is allowed, and apply what migrations are missing."""
    from estore.cli.compose import check_names, prepare

    settings = settings_from_environment()
    applied = guarded(lambda: asyncio.run(prepare(settings, check_names(services or []))))
    if as_json:
        print(json.dumps(applied))
        return
    for service, names in applied.items():
        print(f"{service}: {', '.join(names) if names else 'up to date'}")


def seed(
    products: Annotated[
        str, typer.Option(metavar="N", help="Make a large catalogue too, of 1 to 1,000,000 products.")
    ] = "",
    random_seed: Annotated[
        str, typer.Option(metavar="S", help="0 to 32,767: another one, another catalogue; the same one, the same.")
    ] = "1",
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing unless it fails.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Fill the store with the demo marketplace. Run it again: nothing is made twice."""
    from estore.cli.seed import command as seed_command
    from estore.cli.seed.generate import MAX_PRODUCTS, MAX_SEED

    options = seed_command.Options(
        products=_whole("--products", products, 1, MAX_PRODUCTS) if products else None,
        random_seed=_whole("--random-seed", random_seed, 0, MAX_SEED),
        quiet=quiet,
    )
    settings = attached(data)
    summary = guarded(lambda: seed_command.run(settings, options))
    if as_json:
        print(msgspec.json.encode(summary).decode())


def _whole(option: str, text: str, low: int, high: int) -> int:
    """Return the whole number that `option` was given, or end with exit code 2."""
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        fail(f"{option} takes a whole number from {low} to {high:,}, not {text[:40]!r}", 2)
    return number
