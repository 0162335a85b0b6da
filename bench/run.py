"""Runs the benches by name and prints what they found."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time

NAMES = ("start", "reads", "hot_sku", "ledger", "purchases")


def main() -> int:
    """Entry of `python -m bench.run`."""
    if sys.argv[1:2] == ["capacity"]:
        from bench.capacity.__main__ import main as capacity

        return capacity(sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="estore bench", description="Measure the store against this machine's limits."
    )
    parser.add_argument(
        "names",
        nargs="*",
        help=f"any of {', '.join(NAMES)}; none means all. Or `capacity`: what a store needs",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}; there are {', '.join(NAMES)}")
    results = {}
    for name in arguments.names or NAMES:
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr)
        results[name] = importlib.import_module(f"bench.{name}").run()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        if not arguments.json:
            print(json.dumps({name: results[name]}, indent=2))
    if arguments.json:
        print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
