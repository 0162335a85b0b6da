"""Commands that run services: `up`, `serve`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from estore.cli.commands.failures import fail, guarded
from estore.cli.commands.options import DEFAULT_DATA, Data, settings_from_environment


def up(
    port: Annotated[int, typer.Option(help="Port of the HTTP API.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    data: Data = DEFAULT_DATA,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the data folder's store first.")] = False,
    seed: Annotated[
        bool, typer.Option("--seed/--no-seed", help="Fill an empty store with the demo marketplace.")
    ] = True,
    amqp: Annotated[
        str, typer.Option(help="RabbitMQ URL, or `embedded` for a node of its own; empty: local bus.")
    ] = "",
    database: Annotated[str, typer.Option(help="PostgreSQL URL of an administrator; empty: embedded.")] = "",
    workers: Annotated[
        int, typer.Option(help="Worker processes; 0 means one per core but one, at most 4.", min=0, max=64)
    ] = 0,
) -> None:
    """Open the whole store on this machine: database, bus, all services, a seeded marketplace."""
    from estore.cli import up as up_command

    settings_from_environment()
    options = up_command.Options(
        port=port, host=host, data=data, fresh=fresh, seed=seed, amqp=amqp, database=database, workers=workers
    )
    raise SystemExit(guarded(lambda: up_command.run(options)))


def serve(
    services: Annotated[list[str], typer.Argument(help="Names of services, or `all`.")],
    port: Annotated[int, typer.Option(help="Port of the HTTP API.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
    guard: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run one process with the named services, on the PostgreSQL and RabbitMQ of the ESTORE_* settings."""
    from estore.cli import serve as serve_command
    from estore.cli.compose import check_names

    settings = settings_from_environment()
    guarded(
        lambda: serve_command.run(
            serve_command.serve(settings, check_names(services), host=host, port=port, fd=fd, guard=guard)
        ),
        fail if guard is None else partial(serve_command.tell, guard),
    )
