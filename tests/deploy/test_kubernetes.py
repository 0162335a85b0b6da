"""The manifests are generated from the services, valid by the official schemas, and what kustomize makes of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy import crds
from deploy.kustomized import KUBERNETES, OVERLAYS, ROOT, Object, documents, pod_of, rendered
from estore.cli.compose import SERVICES, build
from estore.cli.deploy import ANSWER_SECONDS, STREAMED, kubernetes, routes, secrets
from estore.cli.deploy.kubernetes.objects import SECRETS
from estore.cli.deploy.kubernetes.scaling import queues
from estore.cli.deploy.kubernetes.traffic import UPLOAD_SECONDS
from estore.cli.settings_table import check
from estore.kit.bus.topology import events_exchange
from estore.kit.http.requests import MAX_WAIT
from estore.kit.settings import Settings, load, with_files

VERSION = "1.37"


def key(each: Object) -> tuple[str, str]:
    return each["kind"], each["metadata"]["name"]


def named(objects: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def objects(overlay: str) -> list[Object]:
    return rendered(overlay)


def test_the_generated_manifests_are_those_of_the_services() -> None:
    for path, text in kubernetes.files().items():
        assert (ROOT / path).read_text("utf-8") == text, "run: python -m estore.cli.deploy"


def test_every_file_of_manifests_is_part_of_an_overlay_or_a_component() -> None:
    used = {
        (plan.parent / name).resolve()
        for plan in KUBERNETES.rglob("kustomization.yaml")
        for each in documents(plan)
        for name in [*each.get("resources", ()), *(patch["path"] for patch in each.get("patches", ()))]
    }

    lost = {path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml"} - used
    assert not lost


def test_no_object_is_there_twice(objects: list[Object]) -> None:
    names = [(each["apiVersion"].split("/")[0], *key(each)) for each in objects]
    assert len(names) == len(set(names))


def test_built_in_kinds_are_valid_by_the_official_schemas(objects: list[Object]) -> None:
    builtin = [each for each in objects if each["apiVersion"] not in crds.GROUPS]
    for each in builtin:
        kubernetes_validate.validate(each, VERSION, strict=True)
    assert {each["kind"] for each in builtin} >= {"Deployment", "StatefulSet", "Job", "NetworkPolicy", "Service"}


def test_the_official_schemas_refuse_a_misspelt_field(objects: list[Object]) -> None:
    (cart,) = [each for each in objects if key(each) == ("Deployment", "cart")]
    wrong = yaml.safe_load(yaml.safe_dump(cart))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_custom_resources_keep_to_what_their_operators_take(objects: list[Object]) -> None:
    for each in objects:
        if each["apiVersion"] in crds.GROUPS:
            crds.validate(each)


def test_custom_resources_with_a_field_that_nobody_reads_are_refused() -> None:
    for each in rendered("production"):
        if each["apiVersion"] in crds.GROUPS:
            with pytest.raises(crds.ValidationError):
                crds.validate(each | {"spec": each["spec"] | {"misspelt": 1}})


# Of the tests' own packages, where there is a wheel of it for this machine; else the machine's.
KUBECTL = shutil.which("kubectl", path=Path(sys.executable).parent) or shutil.which("kubectl")


@pytest.mark.skipif(sys.platform != "linux" and not KUBECTL, reason="requirements-dev.lock has kubectl for Linux only")
def test_kubectl_makes_of_it_what_these_tests_look_at(overlay: str, objects: list[Object]) -> None:
    folder = KUBERNETES / "overlays" / overlay
    assert KUBECTL, "kubectl is part of requirements-dev.lock: ./estore test installs it"
    made = subprocess.run([KUBECTL, "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout

    real = [each for each in yaml.safe_load_all(made) if each]
    assert sorted(map(repr, map(_sorted, real))) == sorted(map(repr, map(_sorted, objects)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


# --- every service is there, and reached ----------------------------------------------------------------------------


def test_every_service_has_a_workload_an_address_a_budget_and_a_policy(objects: list[Object]) -> None:
    workloads = named(objects, "Deployment") | named(objects, "StatefulSet")
    for name in SERVICES:
        arguments = workloads[name]["spec"]["template"]["spec"]["containers"][0]["args"]
        assert arguments[:2] == ["serve", name]
        labels = workloads[name]["spec"]["template"]["metadata"]["labels"].items()
        for kind, path in (
            ("Service", ("spec", "selector")),
            ("PodDisruptionBudget", ("spec", "selector", "matchLabels")),
            ("NetworkPolicy", ("spec", "podSelector", "matchLabels")),
        ):
            selector: Any = named(objects, kind)[name]
            for step in path:
                selector = selector[step]
            assert selector.items() <= labels, (kind, name)
        # Of nobody else.
        others = [w for w in workloads if w != name]
        selector = named(objects, "Service")[name]["spec"]["selector"].items()
        assert not [o for o in others if selector <= workloads[o]["spec"]["template"]["metadata"]["labels"].items()]


def test_selectors_match_what_they_are_to_select(objects: list[Object]) -> None:
    for each in objects:
        if each["kind"] in ("Deployment", "StatefulSet"):
            labels = each["spec"]["template"]["metadata"]["labels"].items()
            assert each["spec"]["selector"]["matchLabels"].items() <= labels
            for spread in each["spec"]["template"]["spec"].get("topologySpreadConstraints", ()):
                assert spread["labelSelector"]["matchLabels"].items() <= labels


def test_every_service_leads_to_a_port_that_its_pods_have(objects: list[Object]) -> None:
    for service in named(objects, "Service").values():
        pods = [
            each["spec"]["template"]
            for each in objects
            if each["kind"] in ("Deployment", "StatefulSet")
            and service["spec"]["selector"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(pods) == 1, key(service)
        ports = {port["name"]: port["containerPort"] for port in pods[0]["spec"]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]


def test_every_prefix_is_routed_to_its_service_and_nothing_else_is(overlay: str, objects: list[Object]) -> None:
    wanted = {prefix: name for name, prefixes in routes().items() for prefix in prefixes}
    if overlay == "dev":
        paths = named(objects, "Ingress")["store"]["spec"]["rules"][0]["http"]["paths"]
        found = {path["path"]: path["backend"]["service"]["name"] for path in paths}
        assert {path["pathType"] for path in paths} == {"Prefix"}
    else:
        rules = [
            rule
            for route in named(objects, "HTTPRoute").values()
            for rule in route["spec"]["rules"]
            if "backendRefs" in rule
        ]
        found = {match["path"]["value"]: rule["backendRefs"][0]["name"] for rule in rules for match in rule["matches"]}
        ports = named(objects, "Service")
        assert all(
            r["backendRefs"][0]["port"] == ports[r["backendRefs"][0]["name"]]["spec"]["ports"][0]["port"] for r in rules
        )
    assert found == wanted
    assert not {path for path in found if path in ("/", "/metrics", "/readyz", "/livez", "/startupz", "/healthz")}


def test_a_gateway_waits_longer_than_any_service_works() -> None:
    services = ROOT / "src/estore/services"
    limits = {
        int(limit)
        for path in [*services.glob("*/endpoints.py"), *services.glob("*/endpoints/*.py")]
        for limit in re.findall(r"\btimeout=(\d+)", path.read_text("utf-8"))
    }
    assert len(limits) > 1
    assert max(limits) + MAX_WAIT < ANSWER_SECONDS

    rules = [
        rule
        for route in named(rendered("production"), "HTTPRoute").values()
        for rule in route["spec"]["rules"]
        if "backendRefs" in rule
    ]
    waits = {match["path"]["value"]: rule["timeouts"] for rule in rules for match in rule["matches"]}
    files = waits.pop(STREAMED)
    assert {tuple(sorted(wait.items())) for wait in waits.values()} == {
        (("backendRequest", f"{ANSWER_SECONDS}s"), ("request", f"{ANSWER_SECONDS}s"))
    }
    # Files of any length, by lines of any speed.
    assert set(files.values()) == {f"{UPLOAD_SECONDS}s"}


# --- settings, as the pods will read them ---------------------------------------------------------------------------


def environment_of(pod: Object, objects: list[Object], folder: Path) -> dict[str, str]:
    """Return what the first container is told; its files are those of `folder`, one folder for each Secret."""
    container = pod["containers"][0]
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= named(objects, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    places = {mounts[v["name"]]: folder / v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
    for variable in container["env"]:
        mount, _, file = variable["value"].rpartition("/")
        found[variable["name"]] = str(places[mount] / file)
    return found


@pytest.fixture(scope="module")
def made_secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Secrets as docs/guide/kubernetes.md has them made."""
    made = tmp_path_factory.mktemp("made")
    secrets.make(made)
    folder = tmp_path_factory.mktemp("secrets")
    for each in made.iterdir():
        shutil.copytree(each, folder / f"estore-{each.name}")
    for name, files in {
        "stripe": {
            "api_key": "sk_live_0123456789",
            "webhook_secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        },
        "mail": {"user": "store", "password": "-"},
    }.items():
        (folder / f"estore-{name}").mkdir()
        for file, text in files.items():
            (folder / f"estore-{name}" / file).write_text(text)
    return folder


@pytest.mark.parametrize("name", SERVICES)
def test_each_pod_is_told_enough_to_be_composed_and_no_setting_is_misspelt(
    objects: list[Object], made_secrets: Path, name: str
) -> None:
    workload = (named(objects, "Deployment") | named(objects, "StatefulSet"))[name]
    environment = with_files(environment_of(pod_of(workload) or {}, objects, made_secrets))
    check(environment)

    (service,) = build(load(Settings, environment), [name])
    assert service.name == name
    assert service.db.dsn.startswith(f"postgresql://estore_{name}:")


def test_the_job_that_migrates_is_told_enough_for_all_of_them(objects: list[Object], made_secrets: Path) -> None:
    job = named(objects, "Job")["migrate"]
    environment = with_files(environment_of(pod_of(job) or {}, objects, made_secrets))
    check(environment)
    settings = load(Settings, environment)

    assert [service.name for service in build(settings)] == list(SERVICES)
    assert {settings.database_of(name) for name in SERVICES} == {build(settings, [n])[0].db.dsn for n in SERVICES}
    # None: who may make roles is not the one that migrates.
    assert not settings.database_url


def test_whoever_runs_search_may_write_its_index(objects: list[Object]) -> None:
    """The Job too: the guide has `estore seed` run in a pod made like its."""
    (folder,) = re.findall(r"ESTORE_DATA=(\S+)", (ROOT / "Dockerfile").read_text())
    writable = {
        each["metadata"]["name"]
        for each in objects
        if (pod := pod_of(each)) and pod["containers"][0]["name"] == "estore"
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["mountPath"] == folder and not mount.get("readOnly")
    }

    assert writable == {"search", "migrate"}


def test_a_service_is_handed_no_credentials_but_its_own(objects: list[Object]) -> None:
    for name in SERVICES:
        workload = (named(objects, "Deployment") | named(objects, "StatefulSet"))[name]
        given = {v["secret"]["secretName"] for v in workload["spec"]["template"]["spec"]["volumes"] if "secret" in v}
        assert given - {"estore-stripe", "estore-mail"} == {f"estore-{name}"}
        assert all(
            e["value"].startswith(("/run/secrets/", SECRETS)) for e in (pod_of(workload) or {})["containers"][0]["env"]
        )


def test_what_holds_data_keeps_it_when_its_pod_is_another(objects: list[Object]) -> None:
    """A broker without its queues drops what one service publishes before another has declared its queue anew."""
    for name in {"postgres", "rabbitmq"} & named(objects, "StatefulSet").keys():
        spec = named(objects, "StatefulSet")[name]["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        kept = {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}

        assert kept & {mount["name"] for mount in container["volumeMounts"]}
        # Else the kubelet opens its files to the group at each start, and both refuse to run with such.
        assert spec["template"]["spec"]["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


# --- scaling --------------------------------------------------------------------------------------------------------


def test_every_service_has_one_scaler_and_never_two() -> None:
    objects = rendered("production")
    by_cpu, by_queues = named(objects, "HorizontalPodAutoscaler"), named(objects, "ScaledObject")

    assert by_cpu.keys() | by_queues.keys() == set(SERVICES)
    assert not by_cpu.keys() & by_queues.keys()
    workloads = named(objects, "Deployment") | named(objects, "StatefulSet")
    for name, scaler in (by_cpu | by_queues).items():
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == key(workloads[name])
        # An apply would take back what the scaler decided.
        assert "replicas" not in workloads[name]["spec"]


def test_scalers_look_at_queues_that_exist() -> None:
    for name, scaler in named(rendered("production"), "ScaledObject").items():
        looked = [t["metadata"]["queueName"] for t in scaler["spec"]["triggers"] if t["type"] == "rabbitmq"]
        assert looked == queues(name)
        assert all(queue.startswith(f"{name}.") and not queue.endswith(".keys") for queue in looked)


# --- data -----------------------------------------------------------------------------------------------------------


def test_production_keeps_a_database_a_role_and_a_user_for_every_service_on_three_nodes() -> None:
    objects = rendered("production")
    cluster = named(objects, "Cluster")["postgres"]["spec"]
    roles = {role["name"]: role["passwordSecret"]["name"] for role in cluster["managed"]["roles"]}
    databases = named(objects, "Database")

    assert cluster["instances"] == named(objects, "RabbitmqCluster")["rabbitmq"]["spec"]["replicas"] == 3
    assert cluster["postgresql"]["synchronous"]["dataDurability"] == "required"
    assert roles == {f"estore_{name}": f"estore-{name}-postgres" for name in SERVICES}
    for name in SERVICES:
        spec = databases[name]["spec"]
        assert (spec["name"], spec["owner"]) == (f"estore_{name}", f"estore_{name}")
        assert spec["schemas"] == [{"name": name, "owner": f"estore_{name}"}]
    assert {e["spec"]["name"] for e in named(objects, "Exchange").values()} == {events_exchange(n) for n in SERVICES}
    assert named(objects, "User").keys() == named(objects, "Permission").keys() == {*SERVICES, "operator", "keda"}


def test_every_night_is_backed_up_to_where_the_log_goes_as_well() -> None:
    objects = rendered("production")
    (plugin,) = named(objects, "Cluster")["postgres"]["spec"]["plugins"]
    backup = named(objects, "ScheduledBackup")["postgres"]["spec"]

    assert plugin["parameters"]["barmanObjectName"] in named(objects, "ObjectStore")
    assert plugin["isWALArchiver"] is True
    assert (backup["method"], backup["pluginConfiguration"]["name"]) == ("plugin", plugin["name"])
    assert len(backup["schedule"].split()) == 6


def test_connections_suffice_when_every_service_is_scaled_out() -> None:
    most = int(
        named(rendered("production"), "Cluster")["postgres"]["spec"]["postgresql"]["parameters"]["max_connections"]
    )
    objects = rendered("production")
    pods = sum(s["spec"]["maxReplicas"] for s in named(objects, "HorizontalPodAutoscaler").values())
    pods += sum(s["spec"]["maxReplicaCount"] for s in named(objects, "ScaledObject").values())
    # One more per pod for the listener of its read cache.
    assert pods * (Settings().pool_max + 1) < most
