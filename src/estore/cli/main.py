"""`estore`: the commands put together, in the order in which `--help` lists them."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence

import typer

from estore.cli.commands import deploy, developing, dlq, keeping, preparing, running, watching

COMMANDS: Sequence[Callable[..., None]] = (
    running.up,
    running.serve,
    preparing.migrate,
    preparing.seed,
    developing.openapi,
    watching.doctor,
    keeping.copy_index,
    keeping.backup,
    keeping.restore,
    keeping.republish,
    watching.events,
)
# The rest of the line is for another program.
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    name="estore",
    help="A marketplace backend made of small services that talk only through events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in COMMANDS:
    app.command()(command)
app.command(context_settings={**PASSED_ON, "help_option_names": []})(developing.bench)
app.command("test", context_settings=PASSED_ON)(developing.run_tests)
app.add_typer(deploy.app, name="deploy")
app.add_typer(dlq.app, name="dlq")


def main() -> None:
    """Entry of the command."""
    # While classes and routes are made that stay, to look for reference cycles every 700 objects is a fifth of a start.
    gc.set_threshold(100_000, 20, 20)
    if os.getpid() == 1:
        # The first process of a container has no default action: it would ignore the signal until it is killed.
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    app()
