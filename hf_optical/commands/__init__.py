"""The commands of `optical`, a module each, with `run(argv)`; `cli.py` finds them by name."""
