"""A workload, a Service and a disruption budget for every service, and the Job that migrates.

Every pod keeps to the `restricted` Pod Security Standard, and writes nowhere but to /tmp and to volumes.
"""

from __future__ import annotations

from estore.cli.compose import SERVICES
from estore.cli.deploy import PORT
from estore.cli.deploy.kubernetes.objects import MIGRATE, SECRETS, Object, labels, made, secret_of
from estore.cli.deploy.rabbitmq import OPERATOR
from estore.cli.serve import END_SECONDS

IMAGE = "estore:0.1.0"
SETTINGS = "estore"
"""Name of the ConfigMap with the settings of the store; each overlay has its own."""
USER = 10001
STATEFUL = ("search",)
"""Services whose folder outlives a pod: an index of a million products takes two minutes to be made anew."""
FOLDER = "/data"
PRE_STOP_SECONDS = 10
"""Until every gateway and every node has heard that a pod ends; it still serves for so long."""
GRACE_SECONDS = 120
assert GRACE_SECONDS > PRE_STOP_SECONDS + END_SECONDS, "a pod would be killed while it finishes its work"  # noqa: S101

_MEMORY = {"search": "1Gi", "catalog": "768Mi"}


def services() -> list[Object]:
    """Return the objects of all services."""
    return [each for name in SERVICES for each in (_workload(name), _service(name), _budget(name))]


def migrate() -> Object:
    """Return the Job that migrates every database and declares every queue, with the operator's credentials."""
    pod = _pod(MIGRATE, [MIGRATE], _operator_files(), secret_of(OPERATOR))
    pod["restartPolicy"] = "OnFailure"
    # Not for itself: `estore seed` runs in a pod made like this one, and search makes its index.
    pod["containers"][0]["volumeMounts"].append({"name": "data", "mountPath": FOLDER})
    pod["volumes"].append({"name": "data", "emptyDir": {"sizeLimit": "5Gi"}})
    spec = {
        "backoffLimit": 20,
        "activeDeadlineSeconds": 1800,
        "ttlSecondsAfterFinished": 86400,
        "template": {"metadata": {"labels": labels(MIGRATE, MIGRATE)}, "spec": pod},
    }
    return made("batch/v1", "Job", MIGRATE, spec, marks=labels(MIGRATE, MIGRATE))


def _workload(name: str) -> Object:
    pod = _pod(name, ["serve", name, "--host", "0.0.0.0"], _own_files(name), secret_of(name))  # noqa: S104 - in a pod
    container = pod["containers"][0]
    container |= {
        "ports": [{"name": "http", "containerPort": PORT}],
        # Five minutes for the migrations that it waits for.
        "startupProbe": _probe("/startupz", period=2, timeout=2, failures=150),
        "readinessProbe": _probe("/readyz", period=5, timeout=4, failures=3),
        # Slow to kill: what is only busy must not be killed for it.
        "livenessProbe": _probe("/livez", period=10, timeout=5, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
    }
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    _spread(pod, name)
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT), "prometheus.io/path": "/metrics"}
    # No `replicas`: it is the scaler's, and an apply must not take it back.
    spec: Object = {
        "revisionHistoryLimit": 5,
        "selector": {"matchLabels": labels(name)},
        "template": {"metadata": {"labels": labels(name), "annotations": scraped}, "spec": pod},
    }
    if name not in STATEFUL:
        # Settings come from files and other objects: a new pod must be able to start before an old one goes.
        spec |= {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}
        return made("apps/v1", "Deployment", name, spec, marks=labels(name))
    container["volumeMounts"].append({"name": "data", "mountPath": FOLDER})
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    spec |= {
        "serviceName": name,
        "podManagementPolicy": "Parallel",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    return made("apps/v1", "StatefulSet", name, spec, marks=labels(name))


def _pod(name: str, arguments: list[str], files: dict[str, str], secret: str) -> Object:
    memory = _MEMORY.get(name, "512Mi")
    container: Object = {
        "name": "estore",
        "image": IMAGE,
        "args": arguments,
        "env": [{"name": variable, "value": f"{SECRETS}/{file}"} for variable, file in files.items()],
        "envFrom": [{"configMapRef": {"name": SETTINGS}}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": "secrets", "mountPath": SECRETS, "readOnly": True},
        ],
    }
    return {
        # It never speaks to Kubernetes.
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "512Mi"}},
            {"name": "secrets", "secret": {"secretName": secret, "defaultMode": 0o440}},
        ],
    }


def _spread(pod: Object, name: str) -> None:
    """Have pods of one service in different zones and on different nodes, where there are any to choose from.

    Nodes by affinity: of two constraints the scheduler heeds neither where a node lacks a label of one of them, and
    the nodes of many clusters have no zone.
    """
    pods: Object = {"labelSelector": {"matchLabels": labels(name)}}
    if name not in STATEFUL:
        # Those of a rollout among themselves: beside old ones, which go, two new ones would end on one node.
        pods["matchLabelKeys"] = ["pod-template-hash"]
    zones = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    pod["topologySpreadConstraints"] = [zones | pods]
    nodes = {"weight": 100, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"} | pods}
    pod["affinity"] = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [nodes]}}


def _own_files(name: str) -> dict[str, str]:
    """Return variable -> file of what `estore deploy secrets` makes for the service `name`."""
    found = {
        "ESTORE_SECRET_FILE": "secret",
        f"ESTORE_{name.upper()}_DATABASE_URL_FILE": "database_url",
        "ESTORE_AMQP_URL_FILE": "amqp_url",
    }
    return found | ({"ESTORE_IDENTITY_OPERATOR_PASSWORD_FILE": "operator_password"} if name == "identity" else {})


def _operator_files() -> dict[str, str]:
    found = {"ESTORE_AMQP_URL_FILE": "amqp_url"}
    for name in SERVICES:
        found[f"ESTORE_{name.upper()}_SECRET_FILE"] = f"{name}_secret"
        found[f"ESTORE_{name.upper()}_DATABASE_URL_FILE"] = f"{name}_database_url"
    return found


def _probe(path: str, *, period: int, timeout: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _service(name: str) -> Object:
    spec = {"selector": labels(name), "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]}
    return made("v1", "Service", name, spec, marks=labels(name))


def _budget(name: str) -> Object:
    # Not minAvailable: with one replica it would block every drain of a node.
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": labels(name)},
    }
    return made("policy/v1", "PodDisruptionBudget", name, spec, marks=labels(name))
