"""All SQL of payments, the sandbox's books excepted."""

from estore.services.payments.store.intents import (
    claim_due,
    insert_intents,
    insert_tombstones,
    lock_by_id,
    lock_by_order,
    save,
)
from estore.services.payments.store.invariants import INVARIANTS
from estore.services.payments.store.refunds import (
    claim_due_refunds,
    insert_refunds,
    known_refunds,
    lock_purses,
    lock_refunds,
    reserve,
    save_refunds,
)
from estore.services.payments.store.views import (
    HistoryRow,
    PaymentRow,
    RefundRow,
    captures,
    forget_webhook_events,
    history_of,
    insert_dispute,
    insert_webhook_event,
    payment_by_id,
    payments_of_order,
    refunds_of,
)

__all__ = [
    "INVARIANTS",
    "HistoryRow",
    "PaymentRow",
    "RefundRow",
    "captures",
    "claim_due",
    "claim_due_refunds",
    "forget_webhook_events",
    "history_of",
    "insert_dispute",
    "insert_intents",
    "insert_refunds",
    "insert_tombstones",
    "insert_webhook_event",
    "known_refunds",
    "lock_by_id",
    "lock_by_order",
    "lock_purses",
    "lock_refunds",
    "payment_by_id",
    "payments_of_order",
    "refunds_of",
    "reserve",
    "save",
    "save_refunds",
]
