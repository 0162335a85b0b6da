"""Migrations are applied while old code serves: squawk knows what breaks or stops it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src" / "estore"
# Taste (sizes of integers), and what `estore migrate` sets itself: it waits for no lock longer than five seconds.
NOT_OURS = (
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "prefer-text-field",
    "prefer-timestamp-tz",
    "require-lock-timeout",
    "require-statement-timeout",
)
# What is known to stop nobody. A constraint is dropped to be made anew, wider and NOT VALID. The indexes of orders from
# 0007 on are on tables that came with the same release, that of search/0002 is on the short list of what waits for the
# index; those of before are older than the rule. Whoever adds a line says in the migration why it stops nobody.
RELEASED = {
    ("inventory/0002_returns", "ban-drop-constraint"): 1,
    ("ledger/0007_holds_that_fit", "ban-drop-constraint"): 1,
    ("ledger/0009_no_unused_index", "require-concurrent-index-deletion"): 1,
    ("ledger/0010_funding", "ban-drop-constraint"): 1,
    ("orders/0002_plans_and_shipments", "ban-drop-constraint"): 1,
    ("orders/0002_plans_and_shipments", "require-concurrent-index-creation"): 2,
    ("orders/0003_refunds_and_returns", "require-concurrent-index-creation"): 1,
    ("orders/0004_returns_of_guests", "require-concurrent-index-creation"): 1,
    ("orders/0005_promotions", "ban-drop-constraint"): 5,
    ("orders/0007_code_batches", "require-concurrent-index-creation"): 2,
    ("orders/0008_uses_of_a_customer", "require-concurrent-index-creation"): 1,
    ("orders/0010_sums_of_uses", "require-concurrent-index-creation"): 1,
    ("payments/0002_providers_disputes_reports", "ban-drop-constraint"): 3,
    ("payments/0002_providers_disputes_reports", "require-concurrent-index-creation"): 6,
    ("search/0002_lanes", "require-concurrent-index-creation"): 1,
}


def broken_rules(*files: Path) -> Counter[tuple[str, str]]:
    """(service/migration, rule) -> how often."""
    squawk = Path(sys.executable).with_name("squawk")
    ran = subprocess.run(
        [squawk, "--reporter=json", "--assume-in-transaction", "--pg-version=17", f"--exclude={','.join(NOT_OURS)}"]
        + [str(file) for file in files],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(ran.stdout)
    places = [Path(each["file"]) for each in found]
    return Counter(
        (f"{place.parts[-3]}/{place.stem}", each["rule_name"]) for place, each in zip(places, found, strict=True)
    )


def test_every_migration_lets_old_code_serve_on() -> None:
    files = sorted(SOURCES.glob("services/*/migrations/*.sql")) + sorted(SOURCES.glob("kit/migrations/*.sql"))
    assert len(files) > 20

    assert broken_rules(*files) == RELEASED


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("ALTER TABLE t DROP COLUMN a", "ban-drop-column"),
        ("DROP TABLE t", "ban-drop-table"),
        ("ALTER TABLE t RENAME COLUMN a TO b", "renaming-column"),
        ("ALTER TABLE t RENAME TO u", "renaming-table"),
        ("ALTER TABLE t ADD COLUMN a text NOT NULL", "adding-required-field"),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", "adding-not-nullable-field"),
        ("ALTER TABLE t ALTER COLUMN a TYPE bigint", "changing-column-type"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "constraint-missing-not-valid"),
        ("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (a)", "adding-foreign-key-constraint"),
        ("CREATE INDEX i ON t (a)", "require-concurrent-index-creation"),
        ("TRUNCATE TABLE t CASCADE", "ban-truncate-cascade"),
    ],
)
def test_what_would_stop_old_code_is_found(tmp_path: Path, sql: str, rule: str) -> None:
    file = tmp_path / "service" / "migrations" / "0001_wrong.sql"
    file.parent.mkdir(parents=True)
    file.write_text(sql + ";\n")

    assert ("service/0001_wrong", rule) in broken_rules(file)


def test_what_only_adds_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "service" / "migrations" / "0001_right.sql"
    file.parent.mkdir(parents=True)
    file.write_text(
        "ALTER TABLE t ADD COLUMN a text NOT NULL DEFAULT '', ADD CONSTRAINT c CHECK (a <> 'x') NOT VALID;\n"
        "CREATE TABLE u (id text PRIMARY KEY, a text NOT NULL);\nCREATE INDEX u_by_a ON u (a);\n"
    )

    assert broken_rules(file) == {}
