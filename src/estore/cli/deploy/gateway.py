"""The gateway's configuration, for nginx 1.24 and later: from prefixes to services, and nothing else.

Prevents: a route that was renamed in a service and not in the gateway. It looks names up again every two seconds, so
containers may come, go and be many. What only reads goes over connections that are kept (`kept`), where nginx can keep
them and look up names as well: it is asked again at another replica when its connection ends. What changes something
has a connection of its own: one that cannot be made is made to the next replica, because nothing was sent; over a kept
one nobody would know whether a service that was just ending had taken it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from estore.cli.deploy import ANSWER_SECONDS, PORT, STREAMED, routes
from estore.kit.errors import Failure, Malformed, TooLarge, Transient
from estore.kit.http.responses import AddressTooLong, HeadersTooLarge, MethodNotAllowed, NoSuchResource

LISTEN = 8080
BODY = "1m"
"""The most that a service reads of an ordinary body is less, and it says so itself."""
READING = ("GET", "HEAD", "OPTIONS")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


# Place -> what nginx itself refuses, as it numbers it, and the failure that a service would have answered with. 494 is
# nginx's own for headers, 501 an unknown transfer coding, 505 another HTTP.
_OWN: Mapping[str, tuple[str, type[Failure], str]] = {
    "_malformed": ("400 501 505 =400", Malformed, "this is not HTTP/1.1 as RFC 9112 has it"),
    "_absent": ("404", NoSuchResource, ""),
    "_refused": ("405", MethodNotAllowed, ""),
    "_large": ("413", TooLarge, ""),
    "_long": ("414", AddressTooLong, ""),
    "_headers": ("494 =431", HeadersTooLarge, ""),
    "_away": ("500 502 504 =503", Transient, "the service is starting; try again"),
}
_ALSO = {"_refused": f'Allow "{", ".join(METHODS)}"', "_away": "Retry-After 1"}


def render(resolver: str = "127.0.0.11") -> str:
    """Return nginx.conf. resolver: address of the name server that knows the services."""
    table = "\n".join(
        f"        ~^{re.escape(prefix)}(?:/|$) {service};"
        for service, prefixes in sorted(routes().items())
        for prefix in prefixes
    )
    return _CONF % {
        "listen": LISTEN,
        "resolver": resolver,
        "table": table,
        "body": BODY,
        "answer": ANSWER_SECONDS,
        "methods": "|".join(METHODS),
        "streamed": re.escape(STREAMED),
        "pages": "\n".join(f"        error_page {refused} /{place};" for place, (refused, _, _) in _OWN.items()),
        "own": "\n".join(_place(place, kind, detail) for place, (_, kind, detail) in _OWN.items()),
    }


def kept() -> str:
    """Return the ways to the services for an nginx that keeps connections to names: 1.27.3 and later."""
    reading = "".join(f' {method} "";' for method in READING)
    port = f'map $request_method $port {{ default ":{PORT}";{reading} }}\n'
    hop = 'map $port $hop { default close; "" ""; }\n'
    return _MADE + port + hop + "".join(_WAY % {"service": service, "port": PORT} for service in routes())


def fresh() -> str:
    """Return the ways to the services for an nginx that does not: a connection for each request."""
    return f'{_MADE}map $request_method $port {{ default ":{PORT}"; }}\nmap $port $hop {{ default close; }}\n'


def _place(name: str, kind: type[Failure], detail: str) -> str:
    """Return the location that answers with `kind`."""
    lines = [f"add_header {_ALSO[name]} always;"] if name in _ALSO else []
    lines = ["internal;", *lines, f"return {kind.status} '{_problem(kind, detail)}';"]
    return "\n".join(["", f"        location = /{name} {{", *(f"            {line}" for line in lines), "        }"])


def _problem(kind: type[Failure], detail: str = "") -> str:
    """Return the document that a service would answer with, for one that cannot answer."""
    document = {
        "type": f"/docs/problems#{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": detail,
    }
    return json.dumps({key: value for key, value in document.items() if value}, separators=(",", ":"))


_MADE = "# Generated from the services' own prefixes: python -m estore.cli.deploy\n"

_WAY = """
upstream %(service)s {
    zone %(service)s 64k;
    # None is left out for a while because it failed once: with one replica that would be all of them.
    server %(service)s:%(port)s resolve max_fails=0;
    keepalive 32;
    # Shorter than the 75 s after which a service closes it.
    keepalive_timeout 30s;
}
"""

_CONF = """\
# Generated from the services' own prefixes: python -m estore.cli.deploy
# Runs as any user on a read-only root: all that it writes is in /tmp.
pid /tmp/nginx.pid;
worker_processes auto;
error_log stderr warn;

events {
    worker_connections 4096;
}

http {
    # Whole segments of the normalised path; what is not listed, metrics and probes included, is not to be had here.
    map $uri $service {
        default "";
%(table)s
    }

    # No id, no query string, no header but the trace: neither e-mail addresses nor tokens end in a log.
    map $uri $place {
        default "-";
        ~^(?<first>/v1/[a-z-]+|/[a-z.]+) $first;
    }
    log_format json escape=json '{"time":"$time_iso8601","method":"$request_method","place":"$place","status":$status,'
        '"seconds":$request_time,"bytes":$body_bytes_sent,"service":"$service","upstream":"$upstream_addr",'
        '"traceparent":"$http_traceparent"}';
    access_log /dev/stdout json;

    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;

    resolver %(resolver)s valid=2s ipv6=off;
    resolver_timeout 2s;
    server_tokens off;
    merge_slashes off;
    keepalive_timeout 75s;
    client_header_timeout 10s;
    client_body_timeout 30s;
    client_max_body_size %(body)s;

    # The ways to the services, as far as this nginx knows them: start.sh chooses.
    include /tmp/services.conf;
    proxy_http_version 1.1;
    # A service that closes first has no port to wait for: the gateway would run out of them at 470 requests a second.
    proxy_set_header Connection $hop;
    proxy_set_header Host $http_host;
    # What a client says of itself is not passed on: services believe this header.
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 1s;
    # Longer than any service's own limit with the longest Prefer: wait.
    proxy_read_timeout %(answer)ss;
    proxy_send_timeout 30s;
    # A POST that was sent is never sent again; one that could not be sent is.
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 3;
    proxy_next_upstream_timeout 5s;

    server {
        listen %(listen)s;
        default_type application/problem+json;
%(pages)s

        location = /livez {
            access_log off;
            default_type application/json;
            return 200 '{"status":"alive"}';
        }

        location / {
            if ($service = "") {
                return 404;
            }
            # The others are no words to what reads requests in a service: it would answer in plain text.
            if ($request_method !~ ^(?:%(methods)s)$) {
                return 405;
            }
            proxy_pass http://$service$port;
        }

        location ~ ^%(streamed)s(?:/|$) {
            if ($request_method !~ ^(?:%(methods)s)$) {
                return 405;
            }
            client_max_body_size 0;
            proxy_request_buffering off;
            proxy_pass http://$service$port;
        }
%(own)s
    }
}
"""
