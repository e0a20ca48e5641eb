"""Moses bitext: two files of one sentence a line, line N of the one the translation of line N of the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from .errors import DataError
from .files import EMPTY_LINE, LINE_TOO_LONG, read_lines
from .languages import same_language
from .rows import BitextRow


def moses_files(source: str, language: str) -> tuple[Path, Path] | None:
    """The English and the other file that a prefix names, or None where it names none.

    Args:
        source: `corpus.{en,sw}`, or `corpus` with `corpus.en` and `corpus.sw` (or `corpus.en.gz`, ...).
        language: Code of the other language.

    Raises:
        DataError: The braces do not name English and `language`.
    """
    if "{" in source and "}" in source:
        before, _, rest = source.partition("{")
        inside, _, after = rest.partition("}")
        codes = [code.strip() for code in inside.split(",")]
        english = [code for code in codes if same_language(code, "en")]
        other = [code for code in codes if same_language(code, language)]
        if len(codes) != 2 or not english or not other:
            problem = f"the braces name {', '.join(map(repr, codes))}, not 'en' and {language!r}"
            raise DataError(problem, path=source, fix="write prefix.{en," + language + "}")
        return Path(before + english[0] + after), Path(before + other[0] + after)
    for ending in ("", ".gz"):
        pair = Path(f"{source}.en{ending}"), Path(f"{source}.{language}{ending}")
        if pair[0].is_file() or pair[1].is_file():
            return pair
    return None


def moses_pairs(english: Path, non_english: Path) -> Iterator[BitextRow]:
    """Pairs of the lines of two files.

    Raises:
        DataError: The files differ in their number of lines; both are named with their counts.
    """
    name = english.name
    counts = [0, 0]
    for ours, theirs in zip_longest(read_lines(english), read_lines(non_english)):
        counts[0] += ours is not None
        counts[1] += theirs is not None
        if ours is None or theirs is None:
            continue
        problem = ""
        if ours.text is None or theirs.text is None:
            problem = LINE_TOO_LONG
        elif not ours.text and not theirs.text:
            problem = EMPTY_LINE
        yield BitextRow(ours.number, ours.text or "", theirs.text or "", name, name, problem)
    if counts[0] != counts[1]:
        problem = f"{counts[0]:,} lines, but {non_english} has {counts[1]:,}"
        raise DataError(problem, path=english, fix="line N of both must be one pair: check that both are whole")
