"""The way in, from the prefixes of the services: Gateway API (standard channel), or an Ingress.

Both match whole segments of a path. What has no route, metrics and probes included, is not to be had from outside.
"""

from __future__ import annotations

from estore.cli.deploy import PORT
from estore.cli.deploy import routes as routed
from estore.cli.deploy.kubernetes.objects import Object, labels, made

GATEWAY = "store"
LISTENER = "https"


def routes() -> list[Object]:
    """Return an HTTPRoute for each service."""
    return [
        made(
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            name,
            {
                "parentRefs": [{"name": GATEWAY, "sectionName": LISTENER}],
                "rules": [
                    {
                        "matches": [{"path": {"type": "PathPrefix", "value": prefix}} for prefix in prefixes],
                        "backendRefs": [{"name": name, "port": PORT}],
                    }
                ],
            },
            marks=labels(name),
        )
        for name, prefixes in routed().items()
    ]


def ingress() -> Object:
    """Return an Ingress for all services, for clusters without a Gateway."""
    paths = [
        {"path": prefix, "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"name": "http"}}}}
        for name, prefixes in routed().items()
        for prefix in prefixes
    ]
    return made("networking.k8s.io/v1", "Ingress", "store", {"rules": [{"http": {"paths": paths}}]})
