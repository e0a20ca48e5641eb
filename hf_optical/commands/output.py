"""What commands print: the outcome on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """Whatever libraries print goes to stderr: stdout holds the outcome and nothing else."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def take_json(argv: list[str]) -> tuple[bool, list[str]]:
    """Whether `--json` is there, and the other arguments."""
    return "--json" in argv, [argument for argument in argv if argument != "--json"]
