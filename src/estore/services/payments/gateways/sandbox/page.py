"""The page on which a person acts on a sandbox payment, in place of a bank's."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from estore.kit.money import to_major
from estore.services.payments.service import Action

_STYLE = (
    "body{font:1rem system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}"
)
_SCRIPT = """
for (const button of document.querySelectorAll("button")) button.onclick = async () => {
  const answer = await fetch(location.pathname.replace(/\\/$/, "") + "/complete", {
    method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({outcome: button.value})});
  const told = await answer.json();
  document.querySelector("p").textContent =
    answer.ok ? "Done: " + told.status + ". You may close this page." : told.detail;
};
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; connect-src 'self';"
    " frame-ancestors 'none'"
)


def page(action: Action) -> str:
    """Return the page, which asks no other server for anything."""
    money = f"{to_major(action.amount)} {action.amount.currency}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox payment</title><style>{_STYLE}</style>'
        f"<h1>Sandbox payment</h1><p>Pay {escape(money)}? It is {escape(action.status)}.</p>"
        '<button value="succeed">Pay</button> <button value="fail">Refuse</button>'
        f"<script>{_SCRIPT}</script></html>"
    )
