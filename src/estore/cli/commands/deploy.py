"""The commands of `estore deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from estore.cli.commands.failures import guarded

app = typer.Typer(help="What a store in containers needs.", no_args_is_help=True)


@app.command("secrets")
def make_secrets(
    folder: Annotated[Path, typer.Argument(help="A folder, in which each reader has one of its own.")],
    renew: Annotated[
        bool, typer.Option("--renew", help="Other passwords at PostgreSQL and RabbitMQ; the master secrets stay.")
    ] = False,
) -> None:
    """Make the secrets that are missing. What exists is kept."""
    from estore.cli.deploy import secrets

    print(f"secrets: {guarded(lambda: secrets.make(folder, renew=renew))} files written")
