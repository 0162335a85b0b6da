"""Who may speak to whom: nobody, and then exactly the ways that are needed.

Namespaces are named by labels that whoever owns them gives: `estore/gateway=true` to the gateway's,
`estore/metrics=true` to that of Prometheus and the collector of traces.
"""

from __future__ import annotations

from estore.cli.compose import SERVICES
from estore.cli.deploy import PORT
from estore.cli.deploy.kubernetes.objects import (
    AMQP_PORT,
    MIGRATE,
    OTLP_PORT,
    PODS,
    POSTGRES,
    POSTGRES_PORT,
    RABBITMQ,
    SERVICE,
    Object,
    labels,
    made,
)

GATEWAY, METRICS = {"estore/gateway": "true"}, {"estore/metrics": "true"}
OUTSIDE = {"payments": (443,), "identity": (587,)}
"""Service -> ports that it calls on the internet: payment providers, the mail server."""
# Private, link-local (with it the cloud's metadata service) and shared address space: none of it is the internet.
_NOT_OUTSIDE = {
    "0.0.0.0/0": ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    "::/0": ["fc00::/7", "fe80::/10"],
}


def policies() -> list[Object]:
    """Return the policies of the namespace, of each service, of the Job that migrates, and of the data."""
    nobody = _policy("default-deny", {}, ingress=[], egress=[])
    dns = {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}} | _namespace(
        {"kubernetes.io/metadata.name": "kube-system"}
    )
    names = _policy("dns", {}, egress=[{"to": [dns], "ports": [_port(53, "UDP"), _port(53)]}])
    migrate = _policy(MIGRATE, {"matchLabels": labels(MIGRATE, MIGRATE)}, egress=_to_data())
    data = [_data(POSTGRES, POSTGRES_PORT), _data(RABBITMQ, AMQP_PORT)]
    return [nobody, names, *(_of(name) for name in SERVICES), migrate, *data]


def _data(name: str, port: int) -> Object:
    """Let the services and the Job that migrates in; what a cluster of them needs besides is the overlay's."""
    clients = [
        {"podSelector": {"matchLabels": {k: v for k, v in labels("", kind).items() if v}}}
        for kind in (SERVICE, MIGRATE)
    ]
    return _policy(name, {"matchLabels": PODS[name]}, ingress=[{"from": clients, "ports": [_port(port)]}])


def _of(name: str) -> Object:
    ingress = [{"from": [_namespace(GATEWAY), _namespace(METRICS)], "ports": [_port(PORT)]}]
    egress = _to_data()
    egress.append({"to": [_namespace(METRICS)], "ports": [_port(OTLP_PORT)]})
    if ports := OUTSIDE.get(name):
        blocks = [{"ipBlock": {"cidr": cidr, "except": holes}} for cidr, holes in _NOT_OUTSIDE.items()]
        egress.append({"to": blocks, "ports": [_port(port) for port in ports]})
    return _policy(name, {"matchLabels": labels(name)}, ingress=ingress, egress=egress)


def _to_data() -> list[Object]:
    return [
        {"to": [{"podSelector": {"matchLabels": PODS[kind]}}], "ports": [_port(port)]}
        for kind, port in ((POSTGRES, POSTGRES_PORT), (RABBITMQ, AMQP_PORT))
    ]


def _policy(
    name: str, selector: Object, *, ingress: list[Object] | None = None, egress: list[Object] | None = None
) -> Object:
    spec: Object = {"podSelector": selector, "policyTypes": []}
    for kind, rules in (("Ingress", ingress), ("Egress", egress)):
        if rules is not None:
            spec["policyTypes"].append(kind)
            if rules:
                spec[kind.lower()] = rules
    return made("networking.k8s.io/v1", "NetworkPolicy", name, spec)


def _namespace(marks: dict[str, str]) -> Object:
    return {"namespaceSelector": {"matchLabels": marks}}


def _port(number: int, protocol: str = "TCP") -> Object:
    return {"protocol": protocol, "port": number}
