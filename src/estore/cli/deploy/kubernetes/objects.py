"""What all manifests have in common: labels, ports, the folder of secrets, and the outside of an object."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

PART_OF = "estore"
SERVICE, MIGRATE = "service", "migrate"
SECRETS = "/run/secrets/estore"
POSTGRES, RABBITMQ = "postgres", "rabbitmq"
PODS = {POSTGRES: {"estore/data": POSTGRES}, RABBITMQ: {"app.kubernetes.io/name": RABBITMQ}}
"""Labels of the pods that hold data. CloudNativePG takes ours over; RabbitMQ's operator gives its own."""
POSTGRES_PORT, AMQP_PORT, OTLP_PORT = 5432, 5672, 4318


def labels(name: str, component: str = SERVICE) -> dict[str, str]:
    """Return the labels of what belongs to `name`; those of a pod are also what selects it."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": PART_OF,
    }


def made(api: str, kind: str, name: str, spec: Object, *, marks: dict[str, str] | None = None) -> Object:
    """Return an object. marks: its labels, if not those of everything here."""
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "labels": marks or {"app.kubernetes.io/part-of": PART_OF}},
        "spec": spec,
    }


def secret_of(name: str) -> str:
    """Return the name of the Secret with the credentials of `name`; no other workload mounts it."""
    return f"estore-{name}"
