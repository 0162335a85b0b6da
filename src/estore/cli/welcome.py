"""What `estore up` ends with: addresses, demo logins, and lines that work when pasted."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from estore.kit.clock import SystemClock
from estore.kit.ids import new_id

ADDRESS = '{"name": "Ada Byron", "line1": "Torstr. 1", "city": "Berlin", "postal_code": "10119", "country": "DE"}'


async def show(url: str, seconds: float, *, seeded: bool) -> None:
    """Print the welcome of a store that answers at `url` and took `seconds` to open."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Estore is open[/] after {seconds:.1f} s. Ctrl-C closes it; nothing is lost.\n")
    console.print(f"  API        {url}/v1/products")
    console.print(f"  Reference  {url}/docs")
    console.print(f"  OpenAPI    {url}/openapi.json")
    console.print(f"  Health     {url}/healthz      Metrics  {url}/metrics")
    if seeded:
        from estore.cli.seed import DEMO_LOGINS

        console.print("\nDemo logins:")
        for role, email, password in DEMO_LOGINS:
            console.print(f"  {role:<10} {email:<34} {password}")
    sku = await _something_to_buy(url)
    console.print("\nTry:")
    console.print(f"  curl '{url}/v1/products?limit=3'", markup=False)
    if sku:
        body = (
            f'{{"lines": [{{"sku": "{sku}", "quantity": 1}}], "email": "ada@example.com", '
            f'"shipping_address": {ADDRESS}, '
            '"shipping_method": "standard", "payment_method": "pm_ok"}'
        )
        console.print(
            f"  curl -X POST {url}/v1/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: {new_id('try')}' "
            f"-H 'Prefer: wait=5' -d '{body}'",
            markup=False,
        )
        console.print(f"  curl {url}/v1/stock/{sku}", markup=False)
        if seeded:
            cart = f'{{"lines": [{{"sku": "{sku}", "quantity": 2}}], "shipping_address": {{"country": "DE"}}'
            console.print(
                f"  curl {url}/v1/quotes -H 'Content-Type: application/json' "
                f'-d \'{cart}, "promotion_codes": ["WELCOME10"]}}\'',
                markup=False,
            )
    if seeded and (shop := await _demo_shop(url)):
        for line in _about_money(url, shop):
            console.print(line, markup=False)
    console.print()


def _about_money(url: str, vendor_id: str) -> list[str]:
    """Return what a vendor and an operator look at, to be pasted one after the other."""
    from estore.cli.seed import DEMO_LOGINS

    logins = {role: (email, password) for role, email, password in DEMO_LOGINS}
    today = SystemClock().now().date()
    period = f"since={today - timedelta(days=30)}&until={today + timedelta(days=1)}"
    return [
        "\nTry as the vendor, and as the operator:",
        f"  V={_sign_in(url, *logins['vendor'])}",
        f'  curl -H "$V" {url}/v1/ledger/balances',
        f"  curl -H \"$V\" '{url}/v1/ledger/statements?vendor={vendor_id}&{period}'",
        f'  curl -H "$V" {url}/v1/ledger/dashboard',
        f"  O={_sign_in(url, *logins['operator'])}",
        f'  curl -H "$O" {url}/v1/payouts',
        f'  curl -H "$O" {url}/v1/ledger/balance-sheet',
    ]


def _sign_in(url: str, email: str, password: str) -> str:
    """Return a word of the shell that becomes the header of somebody who is signed in."""
    body = f'{{"email": "{email}", "password": "{password}"}}'
    ask = f"curl -s {url}/v1/sessions -H 'Content-Type: application/json' -d '{body}'"
    return f"""\"Authorization: Bearer $({ask} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')\""""


async def _demo_shop(url: str) -> str | None:
    """Return the id of the demo vendor's shop."""
    from estore.cli.seed import DEMO_SHOP

    try:
        answer = await asyncio.to_thread(_get, url, f"/v1/vendors/{DEMO_SHOP}")
    except (OSError, HTTPException, ValueError):
        return None
    return answer.get("id")


async def _something_to_buy(url: str) -> str | None:
    """Return the SKU of which there is most in stock, among the newest products."""
    try:
        answer = await asyncio.to_thread(_get, url, "/v1/products?limit=50")
    except (OSError, HTTPException, ValueError):
        return None
    variants = [variant for product in answer.get("data", []) for variant in product.get("variants", [])]
    # The line is pasted more than once
    most = max(variants, key=lambda variant: int(variant.get("available") or 0), default={"available": 0})
    return str(most["sku"]) if most["available"] else None


def _get(url: str, path: str) -> dict[str, Any]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", path)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found
    finally:
        connection.close()
