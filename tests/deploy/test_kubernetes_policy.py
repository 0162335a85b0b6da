"""What holds for every workload of every overlay, and that each rule notices when it is broken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from deploy.kustomized import KUBERNETES, OVERLAYS, Object, documents, pod_of, rendered
from estore.cli.compose import SERVICES
from estore.cli.deploy import PORT
from estore.cli.serve import END_SECONDS
from estore.kit.settings import Settings

RESTRICTED = "pod-security.kubernetes.io/enforce"


def selects(policy: Object, pod: Object) -> bool:
    wanted = policy["spec"]["podSelector"].get("matchLabels", {})
    return wanted.items() <= pod["metadata"]["labels"].items()


def broken(objects: list[Object]) -> list[str]:
    """Return which rules `objects` break, and where."""
    found: list[str] = []

    def rule(where: str, name: str, holds: bool) -> None:
        if not holds:
            found.append(f"{name}: {where}")

    settings = next(o["data"] for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "estore")
    for each in objects:
        where = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "Namespace":
            rule(where, "restricted namespace", each["metadata"]["labels"].get(RESTRICTED) == "restricted")
        rule(where, "no committed secret", each["kind"] != "Secret")
        if (pod := pod_of(each)) is None:
            continue
        _pod(pod, where, rule)
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            _container(container, where, rule)
        if each["metadata"]["name"] in SERVICES:
            _service(pod, where, settings, rule)
    _network(objects, rule)
    return found


Rule = Callable[[str, str, bool], None]


def _pod(pod: Object, where: str, rule: Rule) -> None:
    security = pod.get("securityContext", {})
    rule(where, "not root", security.get("runAsNonRoot") is True and security.get("runAsUser", 0) > 0)
    rule(where, "seccomp", security.get("seccompProfile") == {"type": "RuntimeDefault"})
    rule(where, "no token", pod.get("automountServiceAccountToken") is False)
    rule(where, "nothing of the host's", not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys())
    kinds = {kind for volume in pod.get("volumes", ()) for kind in volume if kind != "name"}
    rule(where, "volumes", kinds <= {"emptyDir", "secret", "configMap", "projected", "persistentVolumeClaim"})
    readable = [v["secret"].get("defaultMode", 0o644) & 0o007 for v in pod.get("volumes", ()) if "secret" in v]
    rule(where, "secrets for the pod's group alone", not any(readable))


def _container(container: Object, where: str, rule: Rule) -> None:
    security = container.get("securityContext", {})
    rule(where, "no new privileges", security.get("allowPrivilegeEscalation") is False)
    rule(where, "no capabilities", security.get("capabilities") == {"drop": ["ALL"]})
    rule(where, "read-only root", security.get("readOnlyRootFilesystem") is True)
    rule(where, "not privileged", not security.get("privileged") and "runAsUser" not in security)
    for kind in ("requests", "limits"):
        rule(where, kind, container.get("resources", {}).get(kind, {}).keys() >= {"cpu", "memory"})
    rule(where, "a tag that says what it is", not container["image"].endswith(":latest") and ":" in container["image"])
    # By file: variables end in crash reports and in `kubectl describe`.
    secret = [e for e in container.get("env", ()) if "valueFrom" in e]
    rule(where, "secrets by file", not secret and all("secretRef" not in s for s in container.get("envFrom", ())))


def _service(pod: Object, where: str, settings: dict[str, str], rule: Rule) -> None:
    (container,) = pod["containers"]
    probes = {kind: container.get(f"{kind}Probe", {}) for kind in ("startup", "readiness", "liveness")}
    asked = {kind: probe.get("httpGet", {}).get("path") for kind, probe in probes.items()}
    rule(where, "three probes", asked == {"startup": "/startupz", "readiness": "/readyz", "liveness": "/livez"})
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    rule(where, "the port it listens on", ports == {"http": PORT})
    rule(where, "probes of that port", all(p.get("httpGet", {}).get("port") in ports for p in probes.values()))

    stop = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    rule(where, "served while gateways hear of its end", stop >= 5)
    linger = float(settings.get("ESTORE_LINGER", Settings().linger))
    grace = pod.get("terminationGracePeriodSeconds", 30)
    rule(where, "time to finish its work", grace > stop + linger + END_SECONDS)

    startup = probes["startup"]
    patience = startup.get("periodSeconds", 10) * startup.get("failureThreshold", 3)
    rule(where, "startup waits as long as it does", patience >= float(settings["ESTORE_START_WAIT"]))
    alive = probes["liveness"]
    rule(where, "slow to kill", alive.get("periodSeconds", 10) * alive.get("failureThreshold", 3) >= 60)

    # One constraint only: where a node lacks a label of one of them the scheduler heeds none, and few have zones.
    zones = [each["topologyKey"] for each in pod.get("topologySpreadConstraints") or ()]
    apart = (pod.get("affinity") or {}).get("podAntiAffinity", {})
    nodes = [
        each["podAffinityTerm"]["topologyKey"]
        for each in apart.get("preferredDuringSchedulingIgnoredDuringExecution", ())
    ]
    rule(where, "spread", (zones, nodes) == (["topology.kubernetes.io/zone"], ["kubernetes.io/hostname"]))


def _network(objects: list[Object], rule: Rule) -> None:
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
    deny = [
        p for p in policies if p["spec"]["podSelector"] == {} and set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    ]
    rule("NetworkPolicy", "nobody, at first", any(not {"ingress", "egress"} & p["spec"].keys() for p in deny))
    for each in objects:
        if pod_of(each) is None:
            continue
        template = each["spec"]["template"]
        mine = [p for p in policies if p["spec"]["podSelector"] and selects(p, template)]
        where = f"{each['kind']}/{each['metadata']['name']}"
        rule(where, "a policy of its own", bool(mine))
        peers = [peer for p in mine for r in p["spec"].get("egress", ()) for peer in r.get("to", [None])]
        outside = any(peer is None or "ipBlock" in peer for peer in peers)
        rule(where, "no way outside", not outside or each["metadata"]["name"] in ("payments", "identity"))
        ins = [peer for p in mine for r in p["spec"].get("ingress", ()) for peer in r.get("from", [None])]
        rule(where, "known callers", None not in ins and {} not in ins)


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return rendered(request.param)


def test_every_workload_keeps_the_rules(objects: list[Object]) -> None:
    assert not broken(objects)


def test_there_are_workloads_to_look_at(objects: list[Object]) -> None:
    looked_at = {each["metadata"]["name"] for each in objects if pod_of(each) is not None}
    assert looked_at >= {*SERVICES, "migrate"}


def _of(objects: list[Object], kind: str, name: str) -> Object:
    return next(each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)


def _cart(objects: list[Object]) -> Object:
    return _of(objects, "Deployment", "cart")["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def _set(path: str, value: Any) -> Callable[[list[Object]], None]:
    """Return what sets one field of the pod of cart; None removes it."""

    def change(objects: list[Object]) -> None:
        at: Any = _cart(objects)
        *steps, last = path.split("/")
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if value is None:
            del at[last]
        else:
            at[last] = value

    return change


def _add_secret(objects: list[Object]) -> None:
    objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "eA=="}})


def _drop(kind: str, name: str) -> Callable[[list[Object]], None]:
    def change(objects: list[Object]) -> None:
        objects.remove(_of(objects, kind, name))

    return change


def _open_cart(objects: list[Object]) -> None:
    _of(objects, "NetworkPolicy", "cart")["spec"]["egress"].append({"ports": [{"protocol": "TCP", "port": 443}]})


def _let_all_in(objects: list[Object]) -> None:
    _of(objects, "NetworkPolicy", "cart")["spec"]["ingress"].append({"ports": [{"protocol": "TCP", "port": 8000}]})


def _loosen_namespace(objects: list[Object]) -> None:
    next(each for each in objects if each["kind"] == "Namespace")["metadata"]["labels"][RESTRICTED] = "baseline"


def _linger(objects: list[Object]) -> None:
    _of(objects, "ConfigMap", "estore")["data"]["ESTORE_LINGER"] = "300"


C = "containers/0"
MUTATIONS: dict[str, tuple[str, Callable[[list[Object]], None]]] = {
    "root": ("not root", _set("securityContext/runAsNonRoot", False)),
    "uid 0": ("not root", _set("securityContext/runAsUser", 0)),
    "no seccomp": ("seccomp", _set("securityContext/seccompProfile", None)),
    "token": ("no token", _set("automountServiceAccountToken", None)),
    "host network": ("nothing of the host's", _set("hostNetwork", True)),
    "host path": ("volumes", _set("volumes", [{"name": "tmp", "hostPath": {"path": "/"}}])),
    "secret for all": (
        "secrets for the pod's group alone",
        _set("volumes", [{"name": "secrets", "secret": {"secretName": "s"}}]),
    ),
    "escalation": ("no new privileges", _set(f"{C}/securityContext/allowPrivilegeEscalation", None)),
    "a capability": (
        "no capabilities",
        _set(f"{C}/securityContext/capabilities", {"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    ),
    "writable root": ("read-only root", _set(f"{C}/securityContext/readOnlyRootFilesystem", False)),
    "privileged": ("not privileged", _set(f"{C}/securityContext/privileged", True)),
    "no limits": ("limits", _set(f"{C}/resources/limits", None)),
    "no memory asked": ("requests", _set(f"{C}/resources/requests", {"cpu": "1"})),
    "latest": ("a tag that says what it is", _set(f"{C}/image", "estore:latest")),
    "secret variable": (
        "secrets by file",
        _set(f"{C}/env", [{"name": "ESTORE_SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
    ),
    "alive by database": ("three probes", _set(f"{C}/livenessProbe/httpGet/path", "/readyz")),
    "no startup probe": ("three probes", _set(f"{C}/startupProbe", None)),
    "other port": ("the port it listens on", _set(f"{C}/ports", [{"name": "http", "containerPort": 80}])),
    "probe of no port": ("probes of that port", _set(f"{C}/readinessProbe/httpGet/port", "web")),
    "no pre-stop": ("served while gateways hear of its end", _set(f"{C}/lifecycle", None)),
    "short grace": ("time to finish its work", _set("terminationGracePeriodSeconds", 60)),
    "long linger": ("time to finish its work", _linger),
    "impatient start": ("startup waits as long as it does", _set(f"{C}/startupProbe/failureThreshold", 3)),
    "quick to kill": ("slow to kill", _set(f"{C}/livenessProbe/failureThreshold", 1)),
    "one zone": ("spread", _set("topologySpreadConstraints", None)),
    "one node": ("spread", _set("affinity", None)),
    "a secret": ("no committed secret", _add_secret),
    "open namespace": ("restricted namespace", _loosen_namespace),
    "no default": ("nobody, at first", _drop("NetworkPolicy", "default-deny")),
    "no policy": ("a policy of its own", _drop("NetworkPolicy", "cart")),
    "way outside": ("no way outside", _open_cart),
    "any caller": ("known callers", _let_all_in),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_rule_is_noticed(objects: list[Object], mutation: str) -> None:
    rule, change = MUTATIONS[mutation]
    worse = copy.deepcopy(objects)
    change(worse)

    assert rule in {each.partition(":")[0] for each in broken(worse)}


def test_no_file_of_the_manifests_holds_a_secret() -> None:
    kinds = {
        each.get("kind") for path in KUBERNETES.rglob("*.yaml") for each in documents(path) if isinstance(each, dict)
    }
    assert "Secret" not in kinds
    assert not [path for path in KUBERNETES.rglob("kustomization.yaml") if "secretGenerator" in path.read_text()]
