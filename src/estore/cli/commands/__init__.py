"""The commands, a file for each group. Each is a thin door: it reads options and settings, calls one module of
`estore.cli`, which it imports only then, and turns failures into one readable line and an exit code (1: it failed,
2: it was asked wrongly)."""
