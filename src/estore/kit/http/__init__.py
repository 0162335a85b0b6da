"""HTTP in: strict decoding, problem+json, policy headers, cursor pages, conditional requests.

A route decodes, calls one endpoint, encodes. `get`, `post`, ... take the endpoint, so that its policy is
documented in OpenAPI and cannot be forgotten.
"""

from estore.kit.http.app import application
from estore.kit.http.pages import Page, cursor_of, decode_cursor, page_of, paged, text_in
from estore.kit.http.requests import context
from estore.kit.http.responses import respond
from estore.kit.http.routing import delete, get, patch, post, put

__all__ = [
    "Page",
    "application",
    "context",
    "cursor_of",
    "decode_cursor",
    "delete",
    "get",
    "page_of",
    "paged",
    "patch",
    "post",
    "put",
    "respond",
    "text_in",
]
