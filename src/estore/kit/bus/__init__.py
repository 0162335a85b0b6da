"""The bus: events travel from one service's outbox to every queue that subscribes to them.

`base` says what a driver is and how a queue treats its messages; `local` and `rabbitmq` are the drivers;
`relay` empties the outbox into a driver. One conformance suite, `tests/bus`, runs over both drivers.
"""
