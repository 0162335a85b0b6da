"""How many pods: by CPU where requests are the work, by the depth of the queues where messages are.

Never both objects for one workload: KEDA makes a HorizontalPodAutoscaler of its own, and two of them take turns in
undoing what the other did. Where both matter, CPU is one of the triggers of the ScaledObject.
"""

from __future__ import annotations

from estore.cli.compose import SERVICES
from estore.cli.deploy import composed
from estore.cli.deploy.kubernetes.objects import Object, labels, made
from estore.cli.deploy.kubernetes.workloads import STATEFUL
from estore.kit.auth import key_subscription
from estore.kit.runtime import all_subscriptions

BY_QUEUES = ("orders", "inventory", "payments", "ledger")
"""The services through which every purchase passes as messages."""
CPU_PERCENT = 70
MESSAGES_PER_POD = 500
LEAST, MOST = 2, 10
_CALM = {"scaleDown": {"stabilizationWindowSeconds": 300}}
LOGIN = "rabbitmq"


def scalers() -> list[Object]:
    """Return one scaler for each service, and the login with which KEDA looks at the queues."""
    login = {"secretTargetRef": [{"parameter": "host", "name": "estore-keda", "key": "amqp_url"}]}
    found = [_by_queues(name) if name in BY_QUEUES else _by_cpu(name) for name in SERVICES]
    return [made("keda.sh/v1alpha1", "TriggerAuthentication", LOGIN, login), *found]


def queues(name: str) -> list[str]:
    """Return the queues whose depth says how much work `name` has."""
    service = composed([name])[0]
    keys = key_subscription(service.edge).queue
    return [each.queue for each in all_subscriptions([service]) if each.queue != keys]


def _kind(name: str) -> str:
    return "StatefulSet" if name in STATEFUL else "Deployment"


def _by_cpu(name: str) -> Object:
    used = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": CPU_PERCENT}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": _kind(name), "name": name},
        "minReplicas": LEAST,
        "maxReplicas": MOST,
        "metrics": [{"type": "Resource", "resource": used}],
        "behavior": _CALM,
    }
    return made("autoscaling/v2", "HorizontalPodAutoscaler", name, spec, marks=labels(name))


def _by_queues(name: str) -> Object:
    deep = [
        {
            "type": "rabbitmq",
            "metadata": {"protocol": "amqp", "queueName": queue, "mode": "QueueLength", "value": str(MESSAGES_PER_POD)},
            "authenticationRef": {"name": LOGIN},
        }
        for queue in queues(name)
    ]
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": _kind(name), "name": name},
        "minReplicaCount": LEAST,
        "maxReplicaCount": MOST,
        "pollingInterval": 10,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _CALM}},
        "triggers": [*deep, {"type": "cpu", "metricType": "Utilization", "metadata": {"value": str(CPU_PERCENT)}}],
    }
    return made("keda.sh/v1alpha1", "ScaledObject", name, spec, marks=labels(name))
