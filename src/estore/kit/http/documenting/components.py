"""What operations share: parameters, headers and failures."""

from __future__ import annotations

from collections.abc import Sequence

from estore.kit.http.documenting.schemas import REF, Node
from estore.kit.http.responses import PROBLEM, TITLES

PARAMETERS: Node = {
    "key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Unique per request, the same on a repeat: the repeat gets the same answer and has no effect.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "if_match": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the version that you want to change, or several; 412 when none is the newest."
        " `*` for whichever it is.",
        "schema": {"type": "string", "pattern": '^(\\*|"[!#-~]*"( *, *"[!#-~]*")*)$', "examples": ['"v3"']},
    },
    "if_none_match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that you have; 304 without a body when it is the newest.",
        "schema": {"type": "string", "examples": ['"v3"']},
    },
}
HEADERS: Node = {
    "ETag": {"description": "The version, for If-Match and If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where the thing is.", "schema": {"type": "string", "format": "uri-reference"}},
    "Link": {"description": 'The next page, `rel="next"` (RFC 8288); none on the last.', "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left of the limit, and when it is full again.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The limit.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this is the answer to an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Preference-Applied": {"description": "The `wait` of Prefer that was granted.", "schema": {"type": "string"}},
}


def problem_answers() -> Node:
    """Return the failures by component name, `Problem404`, each a problem document."""
    extra = {401: ["WWW-Authenticate"], 429: ["Retry-After", "RateLimit", "RateLimit-Policy"], 503: ["Retry-After"]}
    return {
        f"Problem{status}": {
            "description": title,
            "content": {PROBLEM: {"schema": {"$ref": f"{REF}Problem"}}},
        }
        | ({"headers": headers_named(extra[status])} if status in extra else {})
        for status, title in TITLES.items()
    }


def headers_named(names: Sequence[str]) -> Node:
    """Return the headers `names` of an answer: each is described once, in HEADERS."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
