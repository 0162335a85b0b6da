"""The commands. Each is a thin door: it reads options and settings, calls one module, and turns failures into
one readable line and an exit code (1: it failed, 2: it was asked wrongly)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import asyncpg
import msgspec
import typer

from estore.kit.settings import SettingError, Settings, load, with_files

app = typer.Typer(
    name="estore",
    help="A marketplace backend made of small services that talk only through events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Data = Annotated[Path, typer.Option("--data", help="Folder of the embedded store.", envvar="ESTORE_DATA")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DEFAULT_DATA = Path(".estore")


def fail(message: str, code: int = 1) -> NoReturn:
    """Say in one line what is wrong, and end with `code`."""
    print(f"estore: {message}", file=sys.stderr)
    raise SystemExit(code)


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


def guarded(action: Callable[[], Any], told: Callable[[str, int], NoReturn] = fail) -> Any:
    """Run `action`; expected failures become one line, which `told` is handed with the exit code."""
    try:
        return action()
    except SettingError as error:
        told(str(error), 2)
    except OSError as error:
        told(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except KeyboardInterrupt:
        told("interrupted", 130)
    except Exception as error:
        if not (text := _expected(error)):
            raise
        told(text, 1)


_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)


def _expected(error: Exception) -> str:
    """Return the line that tells an expected failure, empty for a defect."""
    from estore.cli.backup import BackupFailed
    from estore.cli.seed import SeedFailed
    from estore.kit.bus.amqp import BrokerAway
    from estore.kit.db import MigrationError
    from estore.kit.embedded import EmbeddedError
    from estore.kit.errors import Failure
    from estore.kit.runtime import NotMigrated

    if isinstance(error, Failure):
        return error.detail
    if isinstance(error, _REFUSED):
        return f"PostgreSQL refuses: {error}"
    told = (NotMigrated, MigrationError, SeedFailed, BrokerAway, BackupFailed, EmbeddedError)
    return str(error) if isinstance(error, told) else ""


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def openapi(
    events: Annotated[bool, typer.Option("--events", help="The events instead, as an AsyncAPI 3 document.")] = False,
) -> None:
    """Print the OpenAPI 3.1 document of all services."""
    from estore.cli import asyncapi
    from estore.cli import openapi as openapi_command
    from estore.cli.compose import SERVICES, build

    if events:
        print(json.dumps(asyncapi.document(SERVICES, openapi_command.package_version()), indent=2))
        return
    settings = Settings(database_url="postgresql://localhost/estore", secret="-", environment={})  # noqa: S106 - nothing is signed
    print(json.dumps(openapi_command.document(build(settings)), indent=2))


@app.command()
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


@app.command("copy-index")
def copy_index(
    target: Annotated[Path, typer.Argument(help="A new folder; hard links where it is on the same disk.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Copy the search index of this machine whole, while it is used: for a new replica, which then catches up."""
    from estore.cli import search_index

    settings = attached(data)
    position = guarded(lambda: search_index.copy(settings, target))
    print(f"{target}: up to change {position}. Move it to the other machine, and name it in ESTORE_SEARCH_FOLDER.")


@app.command()
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


@app.command()
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


@app.command()
def republish(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Publish again what some queue has not applied: after RabbitMQ or a database was set up anew."""
    from estore.cli import restore as restore_command

    settings = attached(data)
    found = guarded(lambda: asyncio.run(restore_command.republish(settings)))
    print(json.dumps(found) if as_json else f"{sum(found.values())} events are on their way again")


@app.command()
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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def bench(ctx: typer.Context) -> None:
    """Measure the store against this machine's own limits (`estore bench --help`)."""
    root = Path(__file__).parents[3]
    if not (root / "bench").is_dir():
        fail("the bench is beside the sources: run it from a clone of the repository")
    os.environ["PYTHONPATH"] = str(root)
    os.execv(sys.executable, [sys.executable, "-m", "bench.run", *ctx.args])  # noqa: S606 - our own module


@app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_tests(
    ctx: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out types and slow tests, and say so.")] = False,
) -> None:
    """Run everything that must pass: format, lint, types, imports, and the tests on real servers."""
    from estore import checks

    raise SystemExit(checks.main(ctx.args, fast=fast))


deploy = typer.Typer(help="What a store in containers needs.", no_args_is_help=True)
app.add_typer(deploy, name="deploy")


@deploy.command("secrets")
def deploy_secrets(
    folder: Annotated[Path, typer.Argument(help="A folder, in which each reader has one of its own.")],
    renew: Annotated[
        bool, typer.Option("--renew", help="Other passwords at PostgreSQL and RabbitMQ; the master secrets stay.")
    ] = False,
) -> None:
    """Make the secrets that are missing. What exists is kept."""
    from estore.cli.deploy import secrets

    print(f"secrets: {guarded(lambda: secrets.make(folder, renew=renew))} files written")


dlq = typer.Typer(help="Dead letters: messages that a queue gave up on.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")
Queue = Annotated[str, typer.Argument(help="Name of the queue, such as `inventory.reservations`.")]
Ids = Annotated[list[UUID] | None, typer.Option("--id", help="Only this message; repeat it for more.")]


@dlq.command("list")
def dlq_list(
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


@dlq.command("show")
def dlq_show(queue: Queue, message: Annotated[UUID, typer.Argument(help="Id.")], data: Data = DEFAULT_DATA) -> None:
    """Show one dead letter whole."""
    from estore.cli import dlq as dlq_command

    found = guarded(lambda: asyncio.run(dlq_command.letters(attached(data), queue, 10_000)))
    for letter in found:
        if letter["id"] == str(message):
            print(json.dumps(letter, indent=2))
            return
    fail(f"{queue} has no dead letter {message}")


@dlq.command("requeue")
def dlq_requeue(queue: Queue, ids: Ids = None, data: Data = DEFAULT_DATA) -> None:
    """Deliver dead letters again."""
    _dlq_act("requeue", queue, ids, data)


@dlq.command("drop")
def dlq_drop(
    queue: Queue,
    ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the queue's.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Forget dead letters for ever."""
    if not ids and not everything:
        fail("say which with --id, or --all", 2)
    _dlq_act("drop", queue, ids, data)


def _dlq_act(action: str, queue: str, ids: list[UUID] | None, data: Path) -> None:
    from estore.cli import dlq as dlq_command

    count = guarded(lambda: asyncio.run(dlq_command.act(attached(data), action, queue, ids)))
    print(f"{action}: {count} messages")


def main() -> None:
    """Entry of the command."""
    if os.getpid() == 1:
        # The first process of a container has no default action: it would ignore the signal until it is killed.
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    app()
