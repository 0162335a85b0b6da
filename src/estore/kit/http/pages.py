"""Cursor pages: `?limit=&cursor=` -> `{"data": [...], "next_cursor": ...}` and a Link header (RFC 8288).

Prevents: OFFSET, which reads what it skips, and pages that repeat or lose rows while the list grows.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.params import Parameter

from estore.kit.context import Context
from estore.kit.errors import Fault, Malformed
from estore.kit.http.responses import respond

T = TypeVar("T")
Limit = Annotated[int, Parameter(ge=1, le=100, description="Entries on a page")]
Cursor = Annotated[str | None, Parameter(max_length=500, description="next_cursor of the page before")]


class CursorInvalid(Malformed):
    code, title = "request.cursor_invalid", "This cursor is none of ours"


class Page(msgspec.Struct, Generic[T]):
    """One page. next_cursor: None on the last."""

    data: list[T]
    next_cursor: str | None = None


def cursor_of(*keys: Any) -> str:
    """Return an opaque cursor that holds the sort keys of a page's last row."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, *types: Any) -> tuple[Any, ...] | None:
    """Return the keys in `cursor`, as `types`; None for None. Raises CursorInvalid."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        keys: tuple[Any, ...] = msgspec.json.decode(raw, type=tuple[types])  # type: ignore[valid-type]
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError):
        raise _none_of_ours() from None
    # PostgreSQL holds no NUL, so no row ever had such a key.
    if any(isinstance(key, str) and "\x00" in key for key in keys):
        raise _none_of_ours()
    return keys


def text_in(cursor: str | None) -> str | None:
    """Return the one text that `cursor` holds, such as a last row's id; None for None. Raises CursorInvalid."""
    keys = decode_cursor(cursor, str)
    return None if keys is None else str(keys[0])


def _none_of_ours() -> CursorInvalid:
    return CursorInvalid("start again without a cursor", errors=[Fault("not a cursor", parameter="cursor")])


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """Make a page of at most `limit` entries from `limit + 1` rows: the last one only tells that there are more."""
    data = list(rows[:limit])
    return Page(data, cursor_of(*key(data[-1])) if len(rows) > limit and data else None)


def link_header(request: Request[Any, Any, Any], page: Page[Any]) -> dict[str, str]:
    """Return the Link header to the next page, if there is one."""
    if page.next_cursor is None:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    query = [*sorted(kept, key=lambda pair: pair[0]), ("cursor", page.next_cursor)]
    return {"link": f'<{request.url.path}?{urlencode(query)}>; rel="next"'}


def paged(request: Request[Any, Any, Any], ctx: Context, page: Page[T]) -> Response[Page[T]]:
    """Encode a page that an endpoint answered, with the Link header to the next one."""
    return respond(request, ctx, page, headers=link_header(request, page))
