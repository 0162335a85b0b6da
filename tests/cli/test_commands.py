"""What the command says when nothing runs: help, refusals, and the documents that are made from the code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.opened import ROOT, estore
from estore.cli import problems, settings_table
from estore.cli.compose import SERVICES
from estore.contracts import REGISTRY

COMMANDS = ["up", "serve", "migrate", "seed", "openapi", "doctor", "events", "test", "dlq"]


def test_help_names_every_command() -> None:
    told = estore("--help")

    assert told.returncode == 0
    assert not [name for name in (*COMMANDS, "bench") if f" {name} " not in told.stdout]


@pytest.mark.parametrize("command", [*COMMANDS, *(f"dlq {name}" for name in ("list", "show", "requeue", "drop"))])
def test_every_command_explains_itself(command: str) -> None:
    told = estore(*command.split(), "--help")

    assert told.returncode == 0
    assert "Usage:" in told.stdout
    assert "\x1b" not in told.stdout


@pytest.mark.parametrize(
    "arguments", [["sell"], ["up", "--prot", "1"], ["up", "--port", "http"], ["serve", "shop"], ["dlq", "burn"]]
)
def test_a_wrong_word_is_refused_with_two(arguments: list[str]) -> None:
    told = estore(*arguments)

    assert told.returncode == 2
    assert arguments[-1] in told.stderr or arguments[-2] in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("arguments", [["events", "--no-follow"], ["doctor"], ["dlq", "list"], ["seed"]])
def test_without_a_store_it_says_how_to_name_one(arguments: list[str], tmp_path: Any) -> None:
    told = estore(*arguments, "--data", str(tmp_path))

    assert told.returncode == 1
    assert told.stderr.startswith(f"estore: no store runs on {tmp_path}; start one with `estore up`")


def test_serve_needs_a_broker_for_a_part_of_the_services() -> None:
    told = estore("serve", "cart", "--port", "0", ESTORE_DATABASE_URL="postgresql://127.0.0.1:1/x", ESTORE_SECRET="x")

    assert told.returncode == 2
    assert "ESTORE_AMQP_URL must be set" in told.stderr


async def test_serve_says_that_a_database_is_not_migrated(fresh_database: Any) -> None:
    dsn = await fresh_database()
    own = {f"ESTORE_{name.upper()}_DATABASE_URL": dsn for name in SERVICES}
    told = estore("serve", "all", "--port", "0", ESTORE_SECRET="x", **own)

    assert told.returncode == 1
    assert told.stderr.startswith("estore: identity: run `estore migrate` first")


def test_openapi_is_printed_whole() -> None:
    document = json.loads(estore("openapi").stdout)

    assert document["openapi"] == "3.1.0"
    assert "/v1/orders" in document["paths"]


def test_asyncapi_is_whole() -> None:
    document = json.loads(estore("openapi", "--events").stdout)

    # Tests that ran in this process may have declared events of their own.
    ours = {name for name, event in REGISTRY.items() if event.__module__.startswith("estore.")}

    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == ours
    for reference in references(document):
        assert reference.startswith("#/")
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [v for k, v in node.items() if k == "$ref"] + [r for v in node.values() for r in references(v)]
    return [r for item in node for r in references(item)] if isinstance(node, list) else []


def test_the_guide_lists_every_setting() -> None:
    page = (ROOT / "docs/guide/settings.md").read_text()

    assert page == settings_table.render(), "python -m estore.cli.settings_table > docs/guide/settings.md"


def test_every_setting_has_a_meaning() -> None:
    assert not [setting.name for setting in settings_table.settings() if not setting.meaning]


def test_the_guide_lists_every_problem() -> None:
    page = (ROOT / "docs/guide/problems.md").read_text()

    assert page == problems.render(), "python -m estore.cli.problems > docs/guide/problems.md"


def test_codes_are_unique_and_say_who_raises_them() -> None:
    codes = problems.codes()

    assert len({code.code for code in codes}) == len(codes)
    assert not [code for code in codes if code.by != "kit" and code.code.partition(".")[0] != code.by]


def test_each_code_has_a_place_on_the_page() -> None:
    page = problems.page()

    assert not [code.code for code in problems.codes() if f"id='{code.code}'" not in page]
