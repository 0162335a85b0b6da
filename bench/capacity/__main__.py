"""`python -m bench.capacity [options]` calculates, `python -m bench.capacity measure` measures again."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from bench.capacity import plan as planning
from bench.capacity.demand import PRESETS, RANGES, Absurd, Demand, demand, option
from bench.capacity.parts import FIGURES
from bench.capacity.show import text


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, as every command of the store does."""

    def error(self, message: str) -> NoReturn:
        print(f"estore: {message}", file=sys.stderr)
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="estore bench capacity",
        description="What a store needs, worked out from what one operation costs here (docs/scaling.md).",
        allow_abbrev=False,
    )
    made.add_argument("--preset", metavar="|".join(PRESETS), help="a store by its customers; other options go over it")
    for field in msgspec.structs.fields(Demand):
        default = "" if field.required else f"; {field.default:g} unless given"
        low, high = RANGES[field.name]
        made.add_argument(option(field.name), metavar="N", help=f"{low:g} to {high:g}{default}")
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


def main(arguments: Sequence[str]) -> int:
    """Entry of `estore bench capacity`. Returns the exit code."""
    if arguments[:1] == ["measure"]:
        return measure(arguments[1:])
    given = vars(parser().parse_args(arguments))
    as_json, preset = given.pop("json"), given.pop("preset")
    try:
        made = planning.plan(demand(given, preset))
    except Absurd as error:
        print(f"estore: {error}", file=sys.stderr)
        return 2
    print(msgspec.json.encode(made).decode() if as_json else text(made, preset))
    return 0


def measure(arguments: Sequence[str]) -> int:
    """Measure again, and write the figures."""
    made = Parser(prog="python -m bench.capacity measure", allow_abbrev=False)
    made.add_argument("--scale", type=float, default=1.0, help="of the number of operations")
    made.add_argument("--to", type=Path, default=FIGURES, help="the file to write")
    given = made.parse_args(arguments)
    from bench.capacity.measure import run

    found = run(given.scale, lambda line: print(line, file=sys.stderr, flush=True))
    given.to.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
