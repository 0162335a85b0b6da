"""The commands of `estore dlq`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from estore.cli.commands.failures import fail, guarded
from estore.cli.commands.options import DEFAULT_DATA, AsJson, Data, attached

app = typer.Typer(help="Dead letters: messages that a queue gave up on.", no_args_is_help=True)
Queue = Annotated[str, typer.Argument(help="Name of the queue, such as `inventory.reservations`.")]
Ids = Annotated[list[UUID] | None, typer.Option("--id", help="Only this message; repeat it for more.")]


@app.command("list")
def list_letters(
    queue: Annotated[str | None, typer.Argument(help="Only this queue.")] = None,
    limit: Annotated[int, typer.Option(help="Per queue.")] = 100,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List dead letters."""
    from estore.cli import dlq as dlq_command

    found = guarded(lambda: asyncio.run(dlq_command.letters(attached(data), queue, limit)))
    if as_json:
        print(json.dumps(found))
        return
    for letter in found:
        print(f"{letter['queue']}  {letter['id']}  {letter['event']}  {letter['subject']}  {letter['error'][:120]}")
    print(f"{len(found)} dead letters")


@app.command()
def show(queue: Queue, message: Annotated[UUID, typer.Argument(help="Id.")], data: Data = DEFAULT_DATA) -> None:
    """Show one dead letter whole."""
    from estore.cli import dlq as dlq_command

    found = guarded(lambda: asyncio.run(dlq_command.letters(attached(data), queue, ids=[message])))
    if not found:
        fail(f"{queue} has no dead letter {message}")
    print(json.dumps(found[0], indent=2))


@app.command()
def requeue(queue: Queue, ids: Ids = None, data: Data = DEFAULT_DATA) -> None:
    """Deliver dead letters again."""
    _act("requeue", queue, ids, data)


@app.command()
def drop(
    queue: Queue,
    ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the queue's.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Forget dead letters for ever."""
    if not ids and not everything:
        fail("say which with --id, or --all", 2)
    _act("drop", queue, ids, data)


def _act(action: str, queue: str, ids: list[UUID] | None, data: Path) -> None:
    from estore.cli import dlq as dlq_command

    count = guarded(lambda: asyncio.run(dlq_command.act(attached(data), action, queue, ids)))
    print(f"{action}: {count} messages")
