"""What a vendor says of the pieces that came back."""

from __future__ import annotations

from estore.services.orders import domain
from estore.services.orders.domain import Order, Return
from estore.services.orders.service.commands import InspectReturn
from estore.services.orders.service.refunds import wanted_lines


def inspect(found: Return, order: Order, form: InspectReturn) -> None:
    """Write down on a return what becomes of each piece, and what is deducted; it is changed in place.

    Raises LineUnknown, DispositionsWrong, CurrencyWrong, AmountNotPositive, DeductionUnexplained.
    """
    lines = {line.line: line for line in found.lines}
    numbers = wanted_lines(order.order_id, [(one.line_id, one.quantity) for one in form.lines])
    for index, ((number, quantity), one) in enumerate(zip(numbers, form.lines, strict=True)):
        if (line := lines.get(number)) is None:
            raise domain.LineUnknown(pointer=f"/lines/{index}/line_id")
        if one.disposition == "restock":
            line.restocked += quantity
        else:
            line.written_off += quantity
        if line.arrived > line.quantity:
            raise domain.DispositionsWrong(pointer=f"/lines/{index}/quantity")
    if form.deduction is not None:
        if form.deduction.currency != order.currency:
            raise domain.CurrencyWrong(f"it was paid in {order.currency}", pointer="/deduction/currency")
        if form.deduction.amount <= 0:
            raise domain.AmountNotPositive(pointer="/deduction/amount")
        if not form.deduction_reason.strip():
            raise domain.DeductionUnexplained(pointer="/deduction_reason")
        found.deduction, found.deduction_reason = form.deduction.amount, form.deduction_reason
