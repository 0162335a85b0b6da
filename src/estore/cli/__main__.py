"""Entry of `python -m estore.cli`."""

from estore.cli.main import main

main()
