"""deploy/compose/roll.sh exchanges services without a gap: the script, with a `docker` that writes down its calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from estore.cli.compose import SERVICES

ROLL = Path(__file__).parents[2] / "deploy/compose/roll.sh"

# Two containers of each service are there; those that `up` makes come beside them, unless they are gone again.
DOCKER = r"""#!/bin/sh
echo "$*" >> "$HERE/calls"
case "$*" in
  "compose ps -q nothing") ;;
  "compose ps -q "*) printf '%s\n%s\n' "$4-old-1" "$4-old-2" ;;
  "compose ps -aq "*) printf '%s\n' "$4-old-1" "$4-new-1" "$4-old-2" "$4-new-2" ;;
  "compose up "*"$SICK") exit 1 ;;
  "compose run "*migrate) exit "$MIGRATED" ;;
esac
"""


def roll(folder: Path, *services: str, sick: str = "none", migrated: int = 0) -> tuple[int, list[str], str]:
    """Run the script. Returns its exit code, what it had Docker do, and what it said of failures."""
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HERE": str(folder), "SICK": sick, "MIGRATED": str(migrated)}
    ran = subprocess.run(["sh", str(ROLL), *services], capture_output=True, text=True, env=environment, check=False)
    return ran.returncode, (folder / "calls").read_text().splitlines(), ran.stderr


def test_new_ones_are_healthy_before_old_ones_go(tmp_path: Path) -> None:
    code, calls, _ = roll(tmp_path, "orders")

    assert code == 0
    assert calls == [
        "compose run --rm --no-deps -T databases",
        "compose run --rm --no-deps -T estore migrate",
        "compose ps -q orders",
        "compose up -d --wait --no-deps --no-recreate --scale orders=4 orders",
        "stop -t 80 orders-old-1 orders-old-2",
        "rm orders-old-1 orders-old-2",
        "compose exec -T gateway nginx -e stderr -c /gateway/nginx.conf -s reload",
    ]


def test_every_service_is_exchanged_and_no_server(tmp_path: Path) -> None:
    _, calls, _ = roll(tmp_path)

    started = [call.split()[-1] for call in calls if call.startswith("compose up")]
    assert sorted(started) == sorted(SERVICES)
    assert all("--no-deps" in call and "--no-recreate" in call for call in calls if call.startswith("compose up"))
    assert not [call for call in calls if "postgres" in call or "rabbitmq" in call]


def test_a_new_version_that_is_not_well_goes_and_the_old_one_serves_on(tmp_path: Path) -> None:
    code, calls, said = roll(tmp_path, "cart", "orders", "search", sick="orders")

    assert code == 1
    assert "the new orders does not become healthy" in said
    assert [call for call in calls if call.startswith("rm -f")] == ["rm -f orders-new-1", "rm -f orders-new-2"]
    assert [call for call in calls if call.startswith("stop")] == ["stop -t 80 cart-old-1 cart-old-2"]
    assert not [call for call in calls if "search" in call]


@pytest.mark.parametrize(("services", "migrated"), [(("nothing",), 0), (("orders",), 1)])
def test_without_tables_or_without_an_old_version_nothing_is_exchanged(
    tmp_path: Path, services: tuple[str, ...], migrated: int
) -> None:
    code, calls, _ = roll(tmp_path, *services, migrated=migrated)

    assert code == 1
    assert not [call for call in calls if call.startswith(("compose up", "stop", "rm"))]
