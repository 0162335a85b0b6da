"""The way in, from the prefixes of the services: Gateway API (standard channel), or an Ingress.

Both match whole segments of a path. What has no route, metrics and probes included, is not to be had from outside.
"""

from __future__ import annotations

from collections.abc import Sequence

from estore.cli.deploy import ANSWER_SECONDS, PORT, STREAMED
from estore.cli.deploy import routes as routed
from estore.cli.deploy.kubernetes.objects import Object, labels, made

GATEWAY = "store"
LISTENER = "https"
UPLOAD_SECONDS = 3600
"""How long a file may be on its way: a limit of Gateway API's is one for the whole request, not for a silence in it."""


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
                    _rule(name, [prefix for prefix in prefixes if prefix != STREAMED], ANSWER_SECONDS),
                    *(_rule(name, [prefix], UPLOAD_SECONDS) for prefix in prefixes if prefix == STREAMED),
                ],
            },
            marks=labels(name),
        )
        for name, prefixes in routed().items()
    ]


def _rule(name: str, prefixes: Sequence[str], seconds: int) -> Object:
    limit = f"{seconds}s"
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": prefix}} for prefix in prefixes],
        "backendRefs": [{"name": name, "port": PORT}],
        # Both: what is not said is up to the controller, and some wait no longer than 15 s.
        "timeouts": {"request": limit, "backendRequest": limit},
    }


def ingress() -> Object:
    """Return an Ingress for all services, for clusters without a Gateway."""
    paths = [
        {"path": prefix, "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"name": "http"}}}}
        for name, prefixes in routed().items()
        for prefix in prefixes
    ]
    return made("networking.k8s.io/v1", "Ingress", "store", {"rules": [{"http": {"paths": paths}}]})
