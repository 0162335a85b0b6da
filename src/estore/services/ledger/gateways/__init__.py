"""What leaves the building: banks that pay vendors out, chosen by configuration.

A bank is asked between transactions, never inside one. One that takes files (`sepa`) is never asked.
"""

from estore.services.ledger.gateways.bank import Bank, Notice
from estore.services.ledger.gateways.sandbox import SandboxBank
from estore.services.ledger.gateways.sepa import Debtor, SepaFiles

__all__ = ["Bank", "Debtor", "Notice", "SandboxBank", "SepaFiles"]
