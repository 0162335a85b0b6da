"""`estore seed`: the demo marketplace of seeds/, and large catalogues. Light to import: the work is imported late."""

DEMO_PASSWORD = "demo-marketplace"  # noqa: S105 - for the demo, and written on its welcome page
OPERATOR = "operator@estore.example"
DEMO_LOGINS: list[tuple[str, str, str]] = [
    ("operator", OPERATOR, DEMO_PASSWORD),
    ("vendor", "mareike@tonwerk.example", DEMO_PASSWORD),
    ("customer", "hanna.krueger@example.com", DEMO_PASSWORD),
]
"""role, e-mail address, password"""
DEMO_SHOP = "tonwerk"
"""Whose the vendor of the logins is."""


class SeedFailed(RuntimeError):
    """The seeds cannot be sown; one readable line says why."""
