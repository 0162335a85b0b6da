"""The one command. `python -m estore.cli --help` lists what it can do."""
