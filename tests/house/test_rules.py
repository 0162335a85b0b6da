"""The house rules hold over the tree, and each rule finds what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from house import rules
from house.rules import ROOT, Rule

SRC = ROOT / "src" / "estore"
SERVICES = sorted(path for path in (SRC / "services").iterdir() if path.is_dir() and path.name != "__pycache__")
TEXT = {".py", ".sql", ".md", ".toml", ".yaml", ".yml", ".json", ".sh", ".ini", ".lock", ".conf", ".txt", ""}
SELF = "tests/house/"


def python(*parts: str) -> list[Path]:
    return sorted(path for part in parts for path in (SRC / part).rglob("*.py"))


def rooms(*names: str) -> list[Path]:
    files = [path for service in SERVICES for name in names for path in (service / name).rglob("*.py")]
    return sorted(
        files + [service / f"{name}.py" for service in SERVICES for name in names if (service / f"{name}.py").exists()]
    )


def complaints(rule: Rule, files: list[Path]) -> str:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {complaint}"
        for file in files
        for line, complaint in rule(file.read_text(encoding="utf-8", errors="replace"))
    ]
    return "\n".join(found)


def test_every_service_has_only_known_rooms() -> None:
    unknown = {service.name: names for service in SERVICES if (names := rules.unknown_rooms(service))}

    assert unknown == {}, f"rooms are {sorted(rules.ROOMS)}"


def test_functions_fit_a_screen() -> None:
    found = complaints(rules.functions_fit_a_screen, python("."))

    assert not found, "\n" + found


def test_rooms_fit_a_head() -> None:
    found = complaints(rules.rooms_fit_a_head, python("."))

    assert not found, "\n" + found


def test_only_the_clock_reads_the_time() -> None:
    found = complaints(
        rules.time_comes_from_the_clock, [file for file in python(".") if file != SRC / "kit" / "clock.py"]
    )

    assert not found, "\n" + found


def test_no_float_comes_near_money() -> None:
    found = complaints(rules.no_float_near_money, [*python("services", "contracts"), SRC / "kit" / "money.py"])

    assert not found, "\n" + found


def test_only_the_command_line_prints() -> None:
    outside = [file for file in python(".") if SRC / "cli" not in file.parents and file.name != "cli.py"]
    found = complaints(rules.nothing_is_printed, outside)

    assert not found, "\n" + found


def test_nothing_is_left_undone() -> None:
    files = [ROOT / path for path in rules.tracked() if path.suffix in {".py", ".sql", ".sh"} or path.name == "estore"]
    found = complaints(rules.nothing_is_left_undone, [file for file in files if SELF not in file.as_posix()])

    assert not found, "\n" + found


def test_no_file_holds_a_path_of_one_machine() -> None:
    files = [ROOT / path for path in rules.tracked() if path.suffix in TEXT and not str(path).startswith(SELF)]
    found = complaints(rules.no_path_of_a_machine, files)

    assert not found, "\n" + found


def test_no_lock_names_a_host() -> None:
    locks = sorted(ROOT.glob("*.lock"))

    assert len(locks) >= 3
    assert not complaints(rules.no_registry_host, locks)


def test_business_code_never_commits() -> None:
    # The search index is no database: it has a commit of its own, beside every transaction.
    index = next(service for service in SERVICES if service.name == "search") / "store/index/writer.py"
    files = [file for file in rooms("service", "domain", "store", "saga") if file != index]
    found = complaints(rules.the_service_never_commits, files)

    assert not found, "\n" + found


def test_a_domain_decides_alone() -> None:
    found = complaints(rules.the_domain_decides_alone, rooms("domain", "saga"))

    assert not found, "\n" + found


def test_migrations_are_numbered_without_gaps() -> None:
    for folder in sorted(path for path in SRC.rglob("migrations") if path.is_dir()):
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".sql")
        where = folder.relative_to(ROOT)

        assert [name for name in names if not rules.MIGRATION_NAME.match(name)] == [], f"{where}: 0001_what_it_does.sql"
        assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1)), (
            f"{where}: numbered from 0001, no gap"
        )


def test_patterns_end_where_the_text_ends() -> None:
    # What documenting/ writes itself is for readers of ECMA 262, where $ is the end.
    files = [file for file in python("services", "contracts", "kit") if file.parent.name != "documenting"]
    found = complaints(rules.patterns_end_where_the_text_ends, files)

    assert not found, "\n" + found


def test_migrations_leave_the_session_alone() -> None:
    found = complaints(rules.migrations_leave_the_session_alone, sorted(SRC.rglob("migrations/*.sql")))

    assert not found, "\n" + found


@pytest.mark.parametrize(
    ("rule", "guilty", "innocent"),
    [
        (rules.functions_fit_a_screen, "def f():\n" + "    x = 1\n" * 71, "def f():\n" + "    x = 1\n" * 70),
        (rules.rooms_fit_a_head, "x = 1\n" * 401, '"""' + "\n" * 300 + '"""\n' + "x = 1\n" * 400 + "# why\n\n"),
        (rules.time_comes_from_the_clock, "datetime.datetime.now(UTC)", "clock.now(); time.monotonic()"),
        (rules.time_comes_from_the_clock, "time.time()", "datetime.fromisoformat(x)"),
        (rules.no_float_near_money, "def f(price: float): ...", "def f(price: int, seconds: float) -> float: ..."),
        (rules.no_float_near_money, "x = float(row.amount)", "x = float(row.age)"),
        (rules.no_float_near_money, "x = order.total / 2", "x = order.total // 2; y = 1 / 2"),
        (rules.no_float_near_money, "x = unit_price * 0.19", "timeout = 0.5; unit_price = 5"),
        (rules.nothing_is_printed, "print('x')", "printer('x')"),
        (rules.nothing_is_left_undone, "x = 1  # TO" + "DO later", "x = 1  # todos"),
        (rules.no_path_of_a_machine, "open('/ro" + "ot/x')", "open('/usr/lib/x'); get('/v1/work/x')"),
        (rules.no_registry_host, "--index-url htt" + "ps://example.org/simple", "aio-pika==10.2.1"),
        (rules.patterns_end_where_the_text_ends, 'Meta(pattern="^[A-Z]{2}$")', r'Meta(pattern=r"^[A-Z]{2}\Z")'),
        (rules.patterns_end_where_the_text_ends, 'PLAIN = r"^[$]|a$(?!b)"', r'PLAIN = r"^[$\]$]*\$\Z"; x = "a$"'),
        (rules.patterns_end_where_the_text_ends, 're.compile(r"a$")', r're.compile(r"(?P<a>\$)\Z")'),
        (rules.the_service_never_commits, "await tx.commit()", "store.commitments(tx)"),
        (rules.the_domain_decides_alone, "import random", "from decimal import Decimal"),
        (rules.the_domain_decides_alone, "async def f(): ...", "def f(): ..."),
        (rules.migrations_leave_the_session_alone, "SET lock_timeout = '1s';", "UPDATE t\n    SET a = 1;"),
    ],
)
def test_each_rule_finds_what_it_is_there_for(rule: Rule, guilty: str, innocent: str) -> None:
    assert rule(guilty)
    assert not rule(innocent)


def test_an_unknown_room_is_found(tmp_path: Path) -> None:
    for name in ("__init__.py", "domain.py", "helpers.py"):
        (tmp_path / name).touch()
    (tmp_path / "store").mkdir()
    (tmp_path / "utils").mkdir()

    assert rules.unknown_rooms(tmp_path) == ["helpers.py", "utils"]
