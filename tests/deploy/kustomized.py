"""Renders the overlays as `kubectl kustomize` does, for machines without it: exactly the features that they use.

Anything else is an error here, never ignored. Where the real one is on the PATH, a test holds this to it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("dev", "production")
Object = dict[str, Any]

_KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "images", "patches"}
_CLUSTER_WIDE = {"Namespace"}
_PODS = ("spec", "template", "spec")


def rendered(overlay: str) -> list[Object]:
    """Return the objects of `overlay`, in no particular order."""
    return _build(KUBERNETES / "overlays" / overlay)


def pod_of(each: Object) -> Object | None:
    """Return the pod that a workload makes."""
    if each["kind"] not in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        return None
    found = each
    for key in _PODS:
        found = found[key]
    return found


def documents(path: Path) -> list[Any]:
    return [each for each in yaml.safe_load_all(path.read_text("utf-8")) if each]


def _build(folder: Path) -> list[Object]:
    (plan,) = documents(folder / "kustomization.yaml")
    assert plan.keys() <= _KNOWN, f"{folder}: this renderer does not know {sorted(plan.keys() - _KNOWN)}"
    objects = [each for name in plan.get("resources", ()) for each in _resources(folder / name)]
    for name in plan.get("components", ()):
        objects += _build((folder / name).resolve())
    for patch in plan.get("patches", ()):
        _patch(objects, folder, patch)
    for image in plan.get("images", ()):
        _rename(objects, image)
    if "namespace" in plan:
        for each in objects:
            if each["kind"] not in _CLUSTER_WIDE:
                each["metadata"]["namespace"] = plan["namespace"]
    return objects


def _resources(path: Path) -> list[Object]:
    return _build(path.resolve()) if path.is_dir() else documents(path)


def _patch(objects: list[Object], folder: Path, patch: Object) -> None:
    assert patch.keys() == {"path", "target"} and patch["target"].keys() == {"kind", "name"}, patch
    kind, name = patch["target"]["kind"], patch["target"]["name"]
    found = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(found) == 1, f"{patch['target']} is there {len(found)} times"
    for step in yaml.safe_load((folder / patch["path"]).read_text("utf-8")):
        assert step.keys() == {"op", "path", "value"} and step["op"] == "add" and step["path"].endswith("/-"), step
        at: Any = found[0]
        for key in step["path"].split("/")[1:-1]:
            at = at[int(key)] if isinstance(at, list) else at[key]
        at.append(copy.deepcopy(step["value"]))


def _rename(objects: list[Object], image: Object) -> None:
    assert image.keys() <= {"name", "newName", "newTag"}, image
    for container in containers(objects):
        name, _, tag = container["image"].rpartition(":")
        if name == image["name"]:
            container["image"] = f"{image.get('newName', name)}:{image.get('newTag', tag)}"


def containers(objects: list[Object]) -> Iterator[Object]:
    for each in objects:
        if (pod := pod_of(each)) is not None:
            yield from pod.get("initContainers", ())
            yield from pod["containers"]
