"""Errors carry a kind and a stable code, and are mapped once.

Prevents: every layer inventing its own answer to the same failure. HTTP maps kinds to statuses
(RFC 9457), consumers map them to ack, retry or dead letter. Nobody else catches broadly.

```
Failure
 ├─ Malformed (400)   Unauthenticated (401)   Denied (403)   NotFound (404)   Conflict (409)
 ├─ PreconditionFailed (412)   TooLarge (413)   Invalid (422)   PreconditionRequired (428)   RateLimited (429)
 └─ Transient (503)   worth trying again: consumers retry it, clients get Retry-After
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request.

    pointer: JSON pointer (RFC 6901) into the body, such as `/lines/0/quantity`; empty for the whole body.
    parameter: the query parameter or header, where the fault is not in the body.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Failure(Exception):
    """An expected failure: the request, not the program, is at fault.

    detail: one sentence for the caller.
    errors: the faults, each with a pointer to its field.
    extra: further members of the problem document (RFC 9457 section 3.2), such as a new quote.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "kit.failure"
    title: ClassVar[str] = "The request failed"

    def __init__(
        self,
        detail: str = "",
        *,
        pointer: str | None = None,
        errors: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.detail = detail or self.title
        self.errors = tuple(errors) or ((Fault(self.detail, pointer),) if pointer is not None else ())
        self.headers = headers or {}
        self.extra = extra
        super().__init__(self.detail)


class Malformed(Failure):
    status, code, title = 400, "kit.malformed", "The request cannot be read"


class Unauthenticated(Failure):
    status, code, title = 401, "kit.unauthenticated", "Who you are is not known"


class Denied(Failure):
    status, code, title = 403, "kit.denied", "You may not do this"


class NotFound(Failure):
    status, code, title = 404, "kit.not_found", "There is no such thing"


class Conflict(Failure):
    status, code, title = 409, "kit.conflict", "The state of the thing does not allow this"


class PreconditionFailed(Failure):
    status, code, title = 412, "kit.precondition_failed", "The thing has changed since you read it"


class TooLarge(Failure):
    status, code, title = 413, "kit.too_large", "The request is too large"


class Invalid(Failure):
    status, code, title = 422, "kit.invalid", "The request is readable but wrong"


class PreconditionRequired(Failure):
    status, code, title = 428, "kit.precondition_required", "Say which version you want to change"


class RateLimited(Failure):
    status, code, title = 429, "kit.rate_limited", "Too many requests"


class Transient(Failure):
    status, code, title = 503, "kit.unavailable", "Not possible right now; try again"

    def __init__(self, detail: str = "", *, retry_after: int = 2, **extra: Any) -> None:
        super().__init__(detail, headers={"retry-after": str(retry_after)}, **extra)


class TimedOut(Transient):
    status, code, title = 503, "kit.timed_out", "It took too long and was stopped"
