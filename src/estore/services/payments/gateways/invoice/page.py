"""The invoice as a page for browsers."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from estore.kit.money import to_major
from estore.services.payments.service import Invoice

_STYLE = (
    "body{font:1rem system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem}dt{color:#555}dd{margin:0 0 .75rem;"
    "font-variant-numeric:tabular-nums}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"


def page(invoice: Invoice) -> str:
    """Return the page, which asks no other server for anything."""
    rows = {
        "Amount": f"{to_major(invoice.amount)} {invoice.amount.currency}",
        "To": invoice.holder,
        "IBAN": invoice.iban,
        "BIC": invoice.bic,
        "Reference": invoice.reference,
        "Until": f"{invoice.payable_until:%d %B %Y, %H:%M} UTC",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows.items() if value)
    asked = {
        "captured": "This invoice is paid. Thank you.",
        "failed": "This invoice is not to be paid any more.",
        "closing": "This invoice is not to be paid any more.",
    }.get(invoice.status, "Please transfer, with exactly this reference:")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Invoice</title><style>{_STYLE}</style>'
        f"<h1>Invoice</h1><p>{asked}</p><dl>{listed}</dl></html>"
    )
