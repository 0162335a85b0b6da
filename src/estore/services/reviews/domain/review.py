"""A review, and how it changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from estore.services.reviews.domain.errors import (
    AuthorInvalid,
    EditWindowOver,
    NothingToChange,
    PictureInvalid,
    ReplyNotFound,
    ReplyRefused,
)
from estore.services.reviews.domain.holding import EDITED, found_in

Status = Literal["published", "held", "rejected"]
ANONYMOUS = "Anonymous"


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What an author says. stars: 1 to 5. pictures: https addresses, which nobody fetches here."""

    stars: int
    title: str
    text: str
    author: str
    pictures: tuple[str, ...]

    def readable(self) -> tuple[str, str, str]:
        return (self.title, self.text, self.author)


class Reply(msgspec.Struct, frozen=True):
    """What the vendor says to it. edited_at: None until it is changed."""

    text: str
    replied_at: datetime
    edited_at: datetime | None = None


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """account_id: None once its author was erased. reasons: why it waits for a moderator. rejection: what the moderator
    tells the author. published_at: when everybody could read it first."""

    id: str
    line_id: str
    account_id: str | None
    product_id: str
    vendor_id: str
    sku: str
    words: Words
    status: Status
    reasons: tuple[str, ...]
    created_at: datetime
    rejection: str | None = None
    published_at: datetime | None = None
    edited_at: datetime | None = None
    reply: Reply | None = None
    helpful: int = 0
    open_reports: int = 0
    version: int = 1
    revision: int = 0

    @property
    def published(self) -> bool:
        return self.status == "published"

    @property
    def counted(self) -> int | None:
        """The stars that the product's rating counts; None while not everybody can read it."""
        return self.words.stars if self.published else None

    def edit(self, words: Words, now: datetime, window: timedelta) -> Review:
        """Return the review with other words. What a rule finds in a new text holds it; what a moderator has not let
        through, or has rejected, goes on waiting. Raises EditWindowOver, NothingToChange."""
        if now > self.created_at + window:
            raise EditWindowOver(f"it could be edited until {(self.created_at + window).isoformat()}")
        if words == self.words:
            raise NothingToChange("the review says this already", pointer="")
        found = found_in(*words.readable()) if words.readable() != self.words.readable() else ()
        if not self.published:
            found = tuple(dict.fromkeys((*self.reasons, *found))) or (EDITED,)
        return self._next(words=words, edited_at=now)._now(now, found)

    def approve(self, now: datetime) -> Review:
        """Return the review as everybody may read it, with all reports answered."""
        if self.published and not self.open_reports:
            return self
        return self._next(open_reports=0)._now(now, ())

    def reject(self, reason: str) -> Review:
        """Return the review as nobody but its author may read it. reason: for the author."""
        return self._next(status="rejected", reasons=(), rejection=reason, open_reports=0)

    def answered(self, text: str, now: datetime) -> Review:
        """Return the review with the vendor's reply, new or changed. Raises ReplyRefused."""
        if found := found_in(text):
            raise ReplyRefused(f"found: {', '.join(found)}", pointer="/text")
        if self.reply is not None and self.reply.text == text:
            return self
        reply = Reply(text, now) if self.reply is None else Reply(text, self.reply.replied_at, now)
        return msgspec.structs.replace(self, reply=reply, revision=self.revision + 1)

    def unanswered(self) -> Review:
        """Return the review without its reply. Raises ReplyNotFound."""
        if self.reply is None:
            raise ReplyNotFound()
        return msgspec.structs.replace(self, reply=None, revision=self.revision + 1)

    def _next(self, **changes: object) -> Review:
        return msgspec.structs.replace(self, version=self.version + 1, revision=self.revision + 1, **changes)

    def _now(self, now: datetime, reasons: tuple[str, ...]) -> Review:
        if reasons:
            return msgspec.structs.replace(self, status="held", reasons=reasons, rejection=None)
        return msgspec.structs.replace(
            self, status="published", reasons=(), rejection=None, published_at=self.published_at or now
        )


def write(review: Review, reasons: tuple[str, ...]) -> Review:
    """Return a review as it is first kept. reasons: what beside its words makes it wait."""
    return review._now(review.created_at, tuple(dict.fromkeys((*reasons, *found_in(*review.words.readable())))))


def author_name(name: str) -> str:
    """Return the name to show. Raises AuthorInvalid for an e-mail address: it would be there for everybody."""
    if "@" in name or "＠" in name:
        raise AuthorInvalid("an e-mail address is not shown to everybody", pointer="/author")
    return name.strip()


def picture_addresses(addresses: list[str]) -> tuple[str, ...]:
    """Return addresses that a browser can show safely: https, a host, no user name or password, each once.

    Raises PictureInvalid.
    """
    for index, address in enumerate(addresses):
        if fault := _fault_of(address) or ("it is there already" if address in addresses[:index] else None):
            raise PictureInvalid(fault, pointer=f"/pictures/{index}")
    return tuple(addresses)


def _fault_of(address: str) -> str | None:
    if any(ord(character) <= ord(" ") or character in '\\"<>\x7f' for character in address):
        return "spaces, quotes, angle brackets and backslashes are percent-encoded in an address (RFC 3986)"
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "not an address"
    if parts.scheme != "https":
        return "only https addresses are shown"
    if "@" in parts.netloc:
        return "no user name or password belongs into it"
    return None if host else "the host is missing"
