"""The generated manifests of `deploy/kubernetes`: what follows from which services there are.

Prevents: a service without a disruption budget, a port that its policy forbids, a queue that nobody scales on, because
a list in YAML was not extended. What a person decides (settings, sizes, which parts an overlay takes) stays written by
hand beside it, and kustomize joins the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from estore.cli.deploy.kubernetes import data, network, scaling, traffic, workloads
from estore.cli.deploy.kubernetes.objects import Object

FOLDER = "deploy/kubernetes"


def files() -> Mapping[str, str]:
    """Return path, from the root of the repository -> text."""
    found: Mapping[str, Sequence[Object]] = {
        "base/services.yaml": workloads.services(),
        "base/migrate.yaml": [workloads.migrate()],
        "base/network.yaml": network.policies(),
        "components/gateway/routes.yaml": traffic.routes(),
        "components/ingress/ingress.yaml": [traffic.ingress()],
        "components/autoscaling/scalers.yaml": scaling.scalers(),
        "overlays/dev/databases.yaml": data.script(),
        "overlays/production/databases.yaml": data.cluster(),
        "overlays/production/broker.yaml": data.broker(),
    }
    return {f"{FOLDER}/{path}": text(objects) for path, objects in found.items()}


def text(objects: Sequence[Object]) -> str:
    """Return `objects` as a stream of YAML documents."""
    # Of those who work on the store, not of the image.
    yaml: Any = import_module("yaml")

    def written(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    plain: Any = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda _self, _data: True})
    plain.add_representer(str, written)
    body: str = yaml.dump_all(objects, Dumper=plain, sort_keys=False, width=120, explicit_start=True)
    return "# Generated from the services there are: python -m estore.cli.deploy\n" + body
