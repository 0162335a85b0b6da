"""`./estore test`: its exit code, its summary, and what it says it left out."""

from __future__ import annotations

import sys

import pytest

from estore import checks
from estore.checks import CLOSING_LINE, Outcome


@pytest.mark.parametrize(
    "line",
    [
        "4 passed in 13.96s",
        "1 failed, 3 passed, 2 skipped in 61.20s (0:01:01)",
        "===== 2 passed, 1 warning in 0.10s =====",
        "1 error in 0.50s",
        "no tests ran in 0.01s",
    ],
)
def test_pytests_closing_line_is_recognised(line: str) -> None:
    assert CLOSING_LINE.match(line)


@pytest.mark.parametrize("line", ["installed in 7 s", "FAILED tests/x.py::test_y", "4 passed", "x 4 passed in 1.0s"])
def test_other_lines_are_not(line: str) -> None:
    assert not CLOSING_LINE.match(line)


def test_the_closing_line_comes_last_whatever_failed(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [Outcome("lint", False, 0.1), Outcome("tests", True, 2, "4 passed in 2.00s")]

    assert checks._sum_up(outcomes, ["types"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("FAILED  lint")
    assert said[-2:] == ["left out: types", "4 passed in 2.00s"]


def test_all_passed_is_zero() -> None:
    assert checks._sum_up([Outcome("lint", True, 0.1)], []) == 0


def test_what_is_wrong_with_the_text_is_told_beside_the_tests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ("-c", "print('E501 here'); raise SystemExit(1)")
    monkeypatch.setattr(checks, "STATIC", (("lint", wrong), ("types", ("-c", ""))))
    monkeypatch.setattr(checks, "_broker", lambda: Outcome("broker", True, 0))
    monkeypatch.setattr(checks, "_stream", lambda *_: (True, "1 passed in 0.01s"))

    assert checks.main() == 1
    said = capsys.readouterr().out
    assert "\nlint:\nE501 here\n" in said
    assert [line.split()[:2] for line in said.splitlines()[-5:-1]] == [
        ["FAILED", "lint"],
        ["ok", "types"],
        ["ok", "broker"],
        ["ok", "tests"],
    ]


def test_a_failing_program_fails_and_its_output_is_passed_on() -> None:
    said: list[str] = []
    script = "print('1 failed in 0.10s'); raise SystemExit(1)"

    assert checks._stream([sys.executable, "-c", script], 60, said.append) == (False, "1 failed in 0.10s")
    assert said == ["1 failed in 0.10s\n"]


def test_words_for_pytest_leave_the_rest_out_and_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[list[str]] = []

    def stream(command: list[str], *_: object) -> tuple[bool, str]:
        commands.append(command)
        return True, "1 passed in 0.01s"

    monkeypatch.setattr(checks, "_stream", stream)
    monkeypatch.setattr(checks, "_broker", lambda: Outcome("broker", True, 0))

    assert checks.main(["tests/orders", "-x"], fast=True) == 0
    assert commands[0][-4:] == ["-m", "not slow", "tests/orders", "-x"]
    assert "left out: format, lint, imports, types, tests marked slow" in capsys.readouterr().out
