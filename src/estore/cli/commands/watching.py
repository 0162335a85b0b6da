"""Commands that look at a store: `doctor`, `events`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer

from estore.cli.commands.failures import guarded
from estore.cli.commands.options import DEFAULT_DATA, AsJson, Data, attached


def doctor(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Prove on a live store that money and stock add up. Exit code 1 when something does not."""
    from estore.cli import doctor as doctor_command

    settings = attached(data)
    findings = guarded(lambda: asyncio.run(doctor_command.examine(settings)))
    if as_json:
        print(msgspec.json.encode(findings).decode())
    else:
        doctor_command.show(findings)
    raise SystemExit(0 if all(finding.holds for finding in findings) else 1)


def events(
    pattern: Annotated[str | None, typer.Argument(help="Event names, such as `order.*`.")] = None,
    about: Annotated[str | None, typer.Option(help="Only this subject or correlation id.")] = None,
    since: Annotated[float, typer.Option(help="Begin with the events of the last N seconds.")] = 0.0,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C.")] = True,
    bodies: Annotated[bool, typer.Option("--bodies", help="Show what the events say.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Follow what happens, one readable line per event."""
    from estore.cli import events as events_command
    from estore.cli.compose import SERVICES

    settings = attached(data)
    lines = events_command.follow(settings, SERVICES, since=since, pattern=pattern, about=about, forever=follow)
    guarded(lambda: asyncio.run(events_command.show(lines, as_json=as_json, bodies=bodies)))
