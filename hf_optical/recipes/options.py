"""Options of the commands: unknown ones suggest the near one, numbers are in range."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

from ..data.errors import DataError, near

# Arguments of transformers that its Trainer does not read.
UNUSED = {
    "resume_from_checkpoint": "use --resume",
    "do_train": "the command always trains",
    "do_eval": "use --eval_strategy",
    "do_predict": "use `optical evaluate`",
}


class CommandParser(argparse.ArgumentParser):
    """As its base, but a mistake is a ValueError, and an option is never guessed from its beginning."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def parse_args(self, argv: Sequence[str]) -> argparse.Namespace:
        # a misspelt option is told as such, not as the required one that is missing
        check_options(self, argv)
        return super().parse_args(argv)

    def error(self, message: str) -> None:
        raise ValueError(f"{message}; see `{self.prog} --help`")


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number


def weight(text: str) -> float:
    """A finite number of 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number of 0 or more")
    return number


def add_lexical_weight(parser: argparse.ArgumentParser, help: str, default: float | None = 0.0) -> None:
    """`--lexical_weight W`: of BM25 of the question as it is typed, beside a student that has 1."""
    parser.add_argument("--lexical_weight", "--lexical-weight", type=weight, default=default, metavar="W", help=help)


def add_spelling_variants(parser: argparse.ArgumentParser, help: str) -> None:
    """`--spelling_variants`: ask for words that a student does not know as they are spelt in English, too."""
    parser.add_argument("--spelling_variants", "--spelling-variants", action="store_true", help=help)


def question(text: str) -> str:
    """A text that is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("a question is empty")
    return text


def check_options(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Raise DataError, with the nearest known ones, for an option that the parser does not have."""
    known = [option for action in parser._actions for option in action.option_strings]
    for argument in argv:
        if argument == "--":
            return
        option = argument.split("=", 1)[0]
        name = option[2:].replace("-", "_")
        if name in UNUSED and option in known:
            raise DataError(f"{option} has no effect here", fix=UNUSED[name])
        if option.startswith("--") and option not in known:
            # of two spellings, that with underscores, unless it is the only one
            spelt = {o[2:].replace("-", "_"): o for o in sorted(known) if o.startswith("--")}
            close = [repr(spelt[found]) for found in near(name, spelt)]
            fix = f"did you mean {' or '.join(close)}?" if close else f"see `{parser.prog} --help`"
            raise DataError(f"unknown option {option}", fix=fix)
