"""`estore doctor`: proves on a live store that what must always hold does hold (DESIGN section 6)."""

from estore.cli.doctor.examination import GRACE, Finding, examine, examine_open, show
from estore.cli.doctor.messages import unapplied

__all__ = ["GRACE", "Finding", "examine", "examine_open", "show", "unapplied"]
