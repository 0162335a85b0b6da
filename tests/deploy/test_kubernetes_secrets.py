"""Every Secret that the manifests name is made by the script beside them, or is said to be the operator's to make."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.kustomized import KUBERNETES, OVERLAYS, ROOT, rendered
from estore.cli.compose import SERVICES
from estore.cli.deploy import secrets

GUIDE = ROOT / "docs" / "guide" / "kubernetes.md"
# What nobody can make up: accounts elsewhere, and a certificate.
YOURS = {"estore-stripe", "estore-mail", "estore-backups", "store-tls"}
# A stand-in that writes down what it is asked to make.
KUBECTL = """#!/bin/sh
case "$*" in *" create secret "*) printf '%s\\n' "$*" >>"$ASKED" ;; *) cat >/dev/null ;; esac
"""


Asked = dict[str, list[str]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """Overlay -> Secret -> the arguments with which the script makes it."""
    folder = tmp_path_factory.mktemp("kubernetes")
    secrets.make(folder / "made")
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    found: dict[str, Asked] = {}
    for overlay in OVERLAYS:
        subprocess.run(
            [KUBERNETES / "secrets.sh", folder / "made", "estore", overlay],
            check=True,
            env={"PATH": f"{folder}:{os.environ['PATH']}", "ASKED": str(folder / overlay)},
        )
        lines = [line.split() for line in (folder / overlay).read_text().splitlines()]
        found[overlay] = {line[line.index("generic") + 1]: line for line in lines}
    return found


def named_in(value: Any, key: str = "") -> set[str]:
    """Return the names of Secrets that a manifest refers to, wherever it does."""
    if isinstance(value, dict):
        found = {value["secretName"]} if "secretName" in value else set()
        refers = key.endswith(("Secret", "certificateRefs", "AccessKey", "accessKeyId", "secretTargetRef"))
        found |= {value["name"]} if refers and "name" in value else set()
        return found.union(*(named_in(each, name) for name, each in value.items()))
    if isinstance(value, list):
        return set().union(*(named_in(each, key) for each in value))
    return set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_secret_that_is_named_is_made_or_is_yours_to_make(overlay: str, asked: dict[str, Asked]) -> None:
    named = named_in(rendered(overlay))

    assert named - asked[overlay].keys() == (YOURS if overlay == "production" else set())
    assert named >= {f"estore-{name}" for name in SERVICES}


def test_production_is_handed_no_secret_that_nothing_names(asked: dict[str, Asked]) -> None:
    assert asked["production"].keys() <= named_in(rendered("production"))


def test_the_guide_says_how_the_others_are_made() -> None:
    text = GUIDE.read_text("utf-8")
    assert not [name for name in YOURS if name not in text]


def test_no_value_is_ever_an_argument(asked: dict[str, Asked]) -> None:
    every = [arguments for made in asked.values() for arguments in made.values()]
    literals = {a for arguments in every for a in arguments if a.startswith("--from-literal=")}
    assert {literal.split("=")[1] for literal in literals} == {"username"}


def test_keda_logs_in_from_its_own_namespace(asked: dict[str, Asked]) -> None:
    (given,) = [a for a in asked["production"]["estore-keda"] if a.startswith("--from-file=")]
    folder = Path(given.partition("=")[2])
    password = (folder / "amqp_password").read_text()

    assert (folder / "amqp_url").read_text() == f"amqp://keda:{password}@rabbitmq.estore.svc:5672/estore"
    assert len(password) == 64
