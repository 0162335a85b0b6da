"""A gift card that waits to be looked up, and a little store credit of the first customer."""

from __future__ import annotations

from estore.cli.seed import OPERATOR
from estore.cli.seed.api import Api
from estore.cli.seed.files import Demo
from estore.cli.seed.progress import Stage

CARD_KEY, NOTE = "seed-gift-card", "Demo gift card"
CARD, CREDIT = 2_500, 500


async def give(api: Api, demo: Demo, currency: str, stage: Stage) -> None:
    """Issue the card and grant the credit, unless somebody did."""
    cards = (await api.get("/v1/gift-cards", by=OPERATOR))["data"]
    if all(card["note"] != NOTE for card in cards):
        # Who sends the same again with this key, as the operator, is shown its code again.
        card = {"amount": {"amount": CARD, "currency": currency}, "funding": "promotion", "note": NOTE}
        await api.post("/v1/gift-cards", card, by=OPERATOR, key=CARD_KEY)
        stage.advance()
    if demo.customers:
        own = await api.get("/v1/store-credit", by=demo.customers[0].email)
        if not own["balances"]:
            money = {"amount": CREDIT, "currency": currency}
            grant = {"account_id": own["account_id"], "amount": money, "reason": "Welcome", "funding": "goodwill"}
            await api.post("/v1/store-credit", grant, by=OPERATOR, key="seed-store-credit")
            stage.advance()
