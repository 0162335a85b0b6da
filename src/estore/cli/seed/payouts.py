"""Money of vendors that is available: paid out where a vendor asks for it, by the bank of the settings."""

from __future__ import annotations

from typing import Any

from estore.cli.seed.api import Api, at_once, eventually
from estore.cli.seed.files import Demo, Vendor
from estore.cli.seed.progress import Stage
from estore.cli.seed.purchases import Ids
from estore.kit.service import Service


async def pay_out(ledger: Service, api: Api, demo: Demo, vendors: Ids, stage: Stage) -> None:
    """Let vendors that were never paid ask for what they ask for in seeds/vendors.json."""
    jobs = {job.name: job for job in ledger.jobs}

    async def one(vendor: Vendor) -> None:
        vendor_id, owner = vendors[vendor.slug], vendor.owner.email
        if (await api.get("/v1/payouts", by=owner, vendor=vendor_id))["data"]:
            return

        async def available() -> Any:
            # What would happen within seconds; nobody is to wait for it.
            await jobs["ledger.release_due"].run()
            rows = (await api.get("/v1/ledger/balances", by=owner, vendor=vendor_id))["data"]
            return next((row["available"] for row in rows if row["available"]["amount"] >= vendor.payout), None)

        money = await eventually(available, f"the money of {vendor.name} becoming available")
        body = {"vendor_id": vendor_id, "amount": money | {"amount": vendor.payout}}
        await api.post("/v1/payouts", body, by=owner, key=f"seed-payout-{vendor_id}")
        stage.advance()

    await at_once(one(vendor) for vendor in demo.vendors if vendor.payout)
    if stage.done and (send := jobs.get("ledger.payout-send")) is not None:
        await send.run()
