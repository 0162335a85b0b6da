"""What is asked about promotions."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

import msgspec

from estore.services.orders.domain.promotions import DEFAULT_RANDOM, MAX_CODE, MIN_RANDOM, Rules, Uses
from estore.services.orders.service.commands import Id

MAX_BATCH = 100_000
MAX_MEMBERS = 10_000
T = TypeVar("T")

CodeText = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{2,39}\Z",
        description="3 to 40 of A-Z, 0-9, _ and -, not case-sensitive",
        examples=["WELCOME10"],
    ),
]
Prefix = Annotated[
    str,
    msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,31})?\Z", description="What each begins with"),
]
RandomLength = Annotated[
    int, msgspec.Meta(ge=MIN_RANDOM, le=MAX_CODE, description="Random characters after the prefix")
]
BatchSize = Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)]
AccountIds = Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=MAX_MEMBERS)]


class PromotionForm(Rules, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new promotion. vendor_id: whose it is; may be left out by members of one vendor, and by operators for the
    marketplace's own."""

    vendor_id: Id | None = None


class CodeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code that was chosen by hand. max_uses: of this code; without it as the promotion's limits allow."""

    code: CodeText
    max_uses: Uses | None = None


class BatchForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Codes to be generated. max_uses: of each of them; null for as often as the promotion's limits allow."""

    count: BatchSize
    prefix: Prefix = ""
    length: RandomLength = DEFAULT_RANDOM
    max_uses: Uses | None = 1


class MembersForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts to be added to a group."""

    account_ids: AccountIds


class ListPromotions(msgspec.Struct, frozen=True):
    """Which of the promotions that one may see."""

    status: str | None
    vendor_id: str | None
    cursor: str | None
    limit: int


class OnePromotion(msgspec.Struct, Generic[T], frozen=True):
    """One promotion, and what is asked of it."""

    promotion_id: str
    form: T


class ListCodes(msgspec.Struct, frozen=True):
    """Which codes of a promotion. code: in any case."""

    batch_id: str | None
    code: str | None
    cursor: str | None
    limit: int


class ListOf(msgspec.Struct, frozen=True):
    """A page."""

    cursor: str | None
    limit: int


class OneMember(msgspec.Struct, frozen=True):
    """An account in a group."""

    name: str
    account_id: str


class OneGroup(msgspec.Struct, Generic[T], frozen=True):
    """One group, and what is asked of it."""

    name: str
    form: T


class Nothing(msgspec.Struct, frozen=True):
    """There is nothing to say."""
