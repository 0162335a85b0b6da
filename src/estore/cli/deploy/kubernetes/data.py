"""PostgreSQL and RabbitMQ of a store: a database and a role, a user and its permissions, for every service.

production: custom resources of CloudNativePG and of RabbitMQ's two operators. dev: the script that compose runs too.
"""

from __future__ import annotations

from estore.cli.compose import SERVICES
from estore.cli.deploy import postgres, rabbitmq
from estore.cli.deploy.kubernetes.objects import PODS, POSTGRES, RABBITMQ, Object, made
from estore.kit.bus.topology import events_exchange

BACKUPS = "postgres-backups"
LOOKER = "keda"
"""The user that reads how long queues are, and nothing else."""


def script() -> list[Object]:
    """Return the ConfigMap with the script that makes databases and roles."""
    found = made("v1", "ConfigMap", "databases", {})
    del found["spec"]
    return [found | {"data": {"databases.sql": postgres.script("/run/secrets/databases")}}]


def cluster() -> list[Object]:
    """Return three instances of PostgreSQL, synchronous to one, with their backups, and a Database per service."""
    roles = [
        {
            "name": postgres.database(name),
            "ensure": "present",
            "login": True,
            "connectionLimit": postgres.CONNECTIONS,
            "passwordSecret": {"name": f"estore-{name}-{POSTGRES}"},
        }
        for name in SERVICES
    ]
    address = {"metadata": {"name": POSTGRES}, "spec": {"type": "ClusterIP"}}
    spec = {
        "instances": 3,
        "primaryUpdateStrategy": "unsupervised",
        "enableSuperuserAccess": False,
        "inheritedMetadata": {"labels": PODS[POSTGRES]},
        "storage": {"size": "100Gi"},
        "walStorage": {"size": "20Gi"},
        "resources": {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}},
        "affinity": {
            "enablePodAntiAffinity": True,
            "podAntiAffinityType": "required",
            "topologyKey": "kubernetes.io/hostname",
        },
        "postgresql": {
            # A commit that was answered is on two machines.
            "synchronous": {"method": "any", "number": 1, "dataDurability": "required"},
            "parameters": {"max_connections": "800", "shared_buffers": "2GB", "idle_session_timeout": "0"},
        },
        "managed": {
            "roles": roles,
            "services": {
                "disabledDefaultServices": ["ro", "r"],
                "additional": [{"selectorType": "rw", "serviceTemplate": address}],
            },
        },
        "plugins": [
            {
                "name": "barman-cloud.cloudnative-pg.io",
                "isWALArchiver": True,
                "parameters": {"barmanObjectName": BACKUPS},
            }
        ],
    }
    return [made("postgresql.cnpg.io/v1", "Cluster", POSTGRES, spec), *(_database(name) for name in SERVICES)]


def _database(name: str) -> Object:
    role = postgres.database(name)
    spec = {
        "cluster": {"name": POSTGRES},
        "name": role,
        "owner": role,
        "databaseReclaimPolicy": "retain",
        "schemas": [{"name": name, "owner": role}],
    }
    return made("postgresql.cnpg.io/v1", "Database", name, spec)


def broker() -> list[Object]:
    """Return who may do what on RabbitMQ: the virtual host, the publishers' exchanges, users and permissions.

    The exchanges are made here, so that no service may make another's, and none waits for another's first start.
    """
    there = {"rabbitmqClusterReference": {"name": RABBITMQ}}
    found = [made("rabbitmq.com/v1beta1", "Vhost", rabbitmq.VHOST, {"name": rabbitmq.VHOST, **there})]
    for name in SERVICES:
        exchange = {"name": events_exchange(name), "vhost": rabbitmq.VHOST, "type": "topic", "durable": True, **there}
        found.append(made("rabbitmq.com/v1beta1", "Exchange", f"{name}-events", exchange))
    looks = {"configure": "^$", "write": "^$", "read": ".*"}
    for user, allowed in {**rabbitmq.permissions(), LOOKER: looks}.items():
        login = {"importCredentialsSecret": {"name": f"estore-{user}-{RABBITMQ}"}, **there}
        may = {"vhost": rabbitmq.VHOST, "userReference": {"name": user}, "permissions": dict(allowed), **there}
        found += [
            made("rabbitmq.com/v1beta1", "User", user, login),
            made("rabbitmq.com/v1beta1", "Permission", user, may),
        ]
    return found
