"""The house rules, as functions from a file to what is wrong with it: `[(line, complaint), ...]`."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeGuard

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION = 70
LONGEST_ROOM = 400
ROOMS = frozenset(
    {"domain", "store", "service", "saga", "endpoints", "routes", "consumers", "gateways", "jobs", "app", "migrations"}
)
MONEY_WORDS = re.compile(r"\b\w*(money|amount|price|total|currency)\w*\b", re.IGNORECASE)
UNDONE = re.compile(r"\b(FIXME|TODO|XXX)\b")
SESSION_STATE = re.compile(
    r"\s*(SET\s|RESET\s|DISCARD\s|BEGIN\b|COMMIT\b|ROLLBACK\b|START\s+TRANSACTION)", re.IGNORECASE
)
MIGRATION_NAME = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")
PATH_OF_A_MACHINE = re.compile(r"(?<![\w.$}])/(work|root|home/\w+|Users/\w+)/")
HOST = re.compile(r"https?://", re.IGNORECASE)

Complaint = tuple[int, str]
Rule = Callable[[str], list[Complaint]]


def functions_fit_a_screen(source: str) -> list[Complaint]:
    """A function is at most 70 lines, its docstring not counted."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if _has_docstring(node) and len(node.body) > 1 else node.body[0]
            lines = (node.end_lineno or node.lineno) - first.lineno + 1
            if lines > LONGEST_FUNCTION:
                found.append((node.lineno, f"{node.name} has {lines} lines, at most {LONGEST_FUNCTION} fit a screen"))
    return found


def rooms_fit_a_head(source: str) -> list[Complaint]:
    """A module is at most 400 lines; blank lines, comments and docstrings are not counted."""
    tree = ast.parse(source)
    documented: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _has_docstring(
            node
        ):
            text = node.body[0]
            documented.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    lines = sum(
        1
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and number not in documented
    )
    if lines > LONGEST_ROOM:
        return [(1, f"{lines} lines of code: past {LONGEST_ROOM} a module becomes a folder of the same name")]
    return []


def time_comes_from_the_clock(source: str) -> list[Complaint]:
    """Nobody but kit/clock.py reads the time; monotonic time, for measuring, is free."""
    found = []
    for node in ast.walk(ast.parse(source)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if re.search(r"\b(datetime|date)\.(now|utcnow|today)$", called) or called in {"time.time", "time.time_ns"}:
            found.append((node.lineno, f"{called}() reads the time: take `now` from kit/clock.py's Clock"))
    return found


def no_float_near_money(source: str) -> list[Complaint]:
    """What is named like money is never annotated as a float, made one, divided truly, or mixed with one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg | ast.AnnAssign) and _is_float(node.annotation):
            name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            if MONEY_WORDS.search(name):
                found.append((node.lineno, f"{name} is a float: amounts are integers or Decimal"))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if _is_float(node.returns) and MONEY_WORDS.search(node.name):
                found.append((node.lineno, f"{node.name} returns a float: amounts are integers or Decimal"))
        elif isinstance(node, ast.Call):
            if _is_float(node.func) and any(_about_money(argument) for argument in node.args):
                found.append((node.lineno, "a money amount is made a float"))
        elif isinstance(node, ast.BinOp) and _about_money(node):
            if isinstance(node.op, ast.Div) and "Decimal" not in _names(node):
                found.append((node.lineno, "a money amount is divided by /: use kit/money.py, which rounds once"))
            elif _has_float(node):
                found.append((node.lineno, "a money amount meets a float"))
    return found


def nothing_is_printed(source: str) -> list[Complaint]:
    """Services log, and the command line prints."""
    return [
        (node.lineno, "print() outside the command line: use kit/telemetry.py's log")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def nothing_is_left_undone(source: str) -> list[Complaint]:
    """What is not done is an issue, not a comment."""
    return _lines_with(UNDONE, source, "left undone: do it, or file an issue")


def no_path_of_a_machine(source: str) -> list[Complaint]:
    """No absolute path of whoever wrote it."""
    return _lines_with(PATH_OF_A_MACHINE, source, "an absolute path of one machine")


def no_registry_host(source: str) -> list[Complaint]:
    """Locks name packages and hashes; where they come from is each machine's own business."""
    return _lines_with(HOST, source, "a lock names a host")


def the_service_never_commits(source: str) -> list[Complaint]:
    """The edge owns the transaction (endpoints, and jobs around a gateway call)."""
    return [
        (node.lineno, f".{node.func.attr}() in business code: the edge owns the transaction")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback", "transaction"}
    ]


def the_domain_decides_alone(source: str) -> list[Complaint]:
    """No I/O, no clock, no randomness: the same input gives the same answer."""
    barred = {"random", "secrets", "uuid", "time", "os", "pathlib", "socket", "subprocess", "io", "threading"}
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] in barred:
                found.append(
                    (getattr(node, "lineno", 0), f"a domain imports {name}: no I/O, clock or randomness there")
                )
        if isinstance(node, ast.AsyncFunctionDef):
            found.append((node.lineno, f"{node.name} is async: a domain has nothing to wait for"))
    return found


def migrations_leave_the_session_alone(source: str) -> list[Complaint]:
    """The runner owns transaction, lock timeout and search path; a SET would leak into the next migration."""
    code = re.sub(r"\$(\w*)\$.*?\$\1\$", lambda body: "\n" * body.group().count("\n"), source, flags=re.DOTALL)
    code = re.sub(r"--[^\n]*", "", code)
    found, line = [], 1
    for statement in code.split(";"):
        if SESSION_STATE.match(statement):
            blank = len(statement) - len(statement.lstrip())
            where = line + statement[:blank].count("\n")
            found.append((where, f"a migration sets session state, or ends its transaction: {statement.strip()[:60]}"))
        line += statement.count("\n")
    return found


def patterns_end_where_the_text_ends(source: str) -> list[Complaint]:
    r"""A pattern ends with `\Z`: `$` also matches before a newline at the end, and lets `"ABC\n"` pass for `ABC`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        text = node.value if isinstance(node, ast.Constant) else node.args[0] if _compiles(node) else ""
        text = text.value if isinstance(text, ast.Constant) else text
        if not isinstance(text, str) or not (text.startswith("^") or isinstance(node, ast.Call)):
            continue
        if re.search(r"(?<!\\)\$", re.sub(r"\[(\\.|[^\]\\])*\]", "", text)):
            found.append((node.lineno, f"{text}: end it with \\Z, for $ lets a newline at the end pass"))
    return found


def _compiles(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"


def unknown_rooms(service: Path) -> list[str]:
    """Tell what in a service's folder is no room of the house.

    Args:
        service: the folder.

    Returns:
        The names.
    """
    # tables are data that a service ships with, not a room
    furniture = {"__init__.py", "__pycache__", "tables.toml"}
    entries = (path for path in service.iterdir() if path.name not in furniture)
    return sorted(path.name for path in entries if path.name.removesuffix(".py") not in ROOMS)


def tracked() -> list[PurePosixPath]:
    """List the repository's files, new ones included, ignored ones not.

    Returns:
        Their paths, relative to the root.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [PurePosixPath(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None


def _about_money(node: ast.AST) -> bool:
    return any(MONEY_WORDS.fullmatch(name) for name in _names(node))


def _names(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr


def _is_float(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Name) and node.id == "float"


def _has_float(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Constant) and isinstance(inner.value, float) for inner in ast.walk(node))


def _lines_with(pattern: re.Pattern[str], source: str, complaint: str) -> list[Complaint]:
    return [
        (number, f"{complaint}: {line.strip()[:80]}")
        for number, line in enumerate(source.splitlines(), 1)
        if pattern.search(line)
    ]
