"""A bilingual lexicon: English words and phrases with their weighted translations into one language."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from os import PathLike
from pathlib import Path

from ..data.errors import DataError, did_you_mean, shown
from ..data.files import EMPTY_LINE, LINE_TOO_LONG, Line, atomic_write, read_lines
from ..data.languages import check_non_english, language_name
from ..data.report import BitextReport
from ..data.text import normalise_text
from .words import text_key

REPEATED = "repeated translation"
NO_WORD = "side without a word"
_COLUMNS = ("english", "non_english", "weight")


@dataclass
class Lexicon:
    """Translations of English words and phrases.

    Attributes:
        language: code of the other language.
        entries: English key (`words.text_key`: case folded, several words joined by one space) -> {translation as it is written:
            weight}. Weights are positive; the best translation comes first, of equal weights the first in the alphabet.
        report: of a lexicon that was read: its lines, those kept (one translation each) and those rejected, with the reason.

    Raises:
        DataError: there is no such language, a key is not as `text_key` makes it, a translation is empty or
            has other white space than single spaces, or a weight is not a positive number.

    Example:
        >>> lexicon = Lexicon("sw", {"health worker": {"mhudumu wa afya": 1.0}, "water": {"maji": 0.9, "kunywa": 0.1}})
        >>> len(lexicon), lexicon.invert()["maji"]
        (2, {'water': 0.9})
    """

    language: str
    entries: dict[str, dict[str, float]]
    report: BitextReport | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        self.language = check_non_english(self.language)
        for key, translations in self.entries.items():
            if not key or text_key(key) != key:
                raise DataError(f"{shown(key)} is not the key of an entry", fix=f"write {shown(text_key(key) or 'words')}")
            for text, weight in translations.items():
                if text.split() != text.split(" "):
                    raise DataError(f"{shown(text)} is not a translation of {shown(key)}", fix="write words, parted by one space")
                _positive(weight)
        self.entries = {key: best_first(self.entries[key]) for key in sorted(self.entries)}

    def __len__(self) -> int:
        """Number of English words and phrases."""
        return len(self.entries)

    @classmethod
    def from_counts(cls, counts: Mapping[str, Mapping[str, int]], language: str, *, min_count: int = 2, top: int = 5) -> Lexicon:
        """A lexicon from how often words were linked: English key -> {translation: number of links}.

        Args:
            min_count: a translation linked less often is left out.
            top: the most translations of a word.

        Returns:
            Its weights are shares of all links of the English word, those left out too.

        Raises:
            DataError: an argument is out of range, or there is no such language.
        """
        for name, value in (("min_count", min_count), ("top", top)):
            if value < 1:
                raise DataError(f"{name} is {value}", fix="give at least 1")
        entries = {}
        for key, links in counts.items():
            total = sum(links.values())
            ranked = sorted(((-n, text) for text, n in links.items() if n >= min_count))[:top]
            if ranked:
                entries[key] = {text: -n / total for n, text in ranked}
        return cls(language, entries)

    @classmethod
    def read(cls, path: str | PathLike[str], language: str) -> Lexicon:
        """Read a lexicon file, plain or gzip.

        Two forms are told apart by the first line: a TSV whose header has the columns `english`, `non_english` and perhaps
        `weight` (others are not looked at), or two columns without a header, English first, parted by a tab or by one space (MUSE,
        https://github.com/facebookresearch/MUSE). Only where tabs part them may the columns hold several words. Without a column
        of weights every translation weighs 1; of a repeated translation the largest weight holds.

        Raises:
            DataError: the file is missing, broken or without an entry, or a line has another form (file and line are named).
        """
        language, path = check_non_english(language), Path(path)
        report = BitextReport(language)
        entries: dict[str, dict[str, float]] = {}
        for line, row in _rows(path, language):
            if isinstance(row, str):
                report.reject(row, path.name, line)
                continue
            key, translation = text_key(normalise_text(row[0])), normalise_text(row[1])
            if not key or not text_key(translation):
                report.reject(NO_WORD, path.name, line)
                continue
            known = entries.setdefault(key, {})
            if translation in known:
                report.reject(REPEATED, path.name, line)
            else:
                report.keep(path.name)
            known[translation] = max(known.get(translation, 0.0), row[2])
        if not entries:
            raise DataError("no entry in the file", path=path, fix="write one word and its translation on each line")
        return cls(language, entries, report)

    def write(self, path: str | PathLike[str]) -> None:
        """Write a TSV file that `read` reads back; compressed where the name ends with `.gz`."""
        with atomic_write(path) as file:
            file.write(("\t".join(_COLUMNS) + "\n").encode())
            for key, translations in self.entries.items():
                file.write("".join(f"{key}\t{text}\t{weight!r}\n" for text, weight in translations.items()).encode())

    def merge(self, other: Lexicon) -> Lexicon:
        """A lexicon with the entries of both; the weights of a translation that both have are added.

        Raises:
            DataError: the lexicons are of two languages.
        """
        if other.language != self.language:
            raise DataError(f"a lexicon of {self.language!r} and one of {other.language!r}", fix="merge those of one language")
        merged = {key: dict(translations) for key, translations in self.entries.items()}
        for key, translations in other.entries.items():
            known = merged.setdefault(key, {})
            for text, weight in translations.items():
                known[text] = known.get(text, 0.0) + weight
        return Lexicon(self.language, merged)

    def invert(self) -> dict[str, dict[str, float]]:
        """Key of a translation (`words.text_key`) -> {English key: weight}, best first."""
        inverted: dict[str, dict[str, float]] = {}
        for key, translations in self.entries.items():
            for text, weight in translations.items():
                known = inverted.setdefault(text_key(text), {})
                known[key] = known.get(key, 0.0) + weight
        return {key: best_first(inverted[key]) for key in sorted(inverted)}


def best_first(weights: Mapping[str, float]) -> dict[str, float]:
    """The heaviest first; equal weights in alphabetical order.

    Example:
        >>> best_first({"b": 1.0, "c": 2.0, "a": 1.0})
        {'c': 2.0, 'a': 1.0, 'b': 1.0}
    """
    return dict(sorted(weights.items(), key=lambda item: (-item[1], item[0])))


def _rows(path: Path, language: str) -> Iterator[tuple[int, tuple[str, str, float] | str]]:
    """Line number, and (English, translation, weight) or why there is none."""
    lines = read_lines(path)
    first = next(lines)
    names = [name.strip().lower() for name in (first.text or "").split("\t")]
    if "non_english" not in names:
        if names in (["english", language], ["english", language_name(language).lower()]):
            fix = f"write `english` and `non_english`, not {names[1]!r}"
            raise DataError("missing", path=path, line=1, column="non_english", fix=fix)
        yield from _muse_rows(path, chain([first], lines))
        return
    if "english" not in names:
        hint = did_you_mean("english", (name for name in names if name != "non_english")) or "name the English column"
        raise DataError("missing", path=path, line=1, column="english", fix=hint)
    english, non_english = names.index("english"), names.index("non_english")
    weight = names.index("weight") if "weight" in names else None
    for line in lines:
        if not line.text:
            yield line.number, LINE_TOO_LONG if line.text is None else EMPTY_LINE
            continue
        fields = line.text.split("\t")
        if len(fields) != len(names):
            problem = f"{len(fields)} fields where {len(names)} are named ({', '.join(names)})"
            raise DataError(problem, path=path, line=line.number, fix="remove tabs inside a field")
        value = 1.0 if weight is None else _positive(fields[weight], path, line.number)
        yield line.number, (fields[english], fields[non_english], value)


def _muse_rows(path: Path, lines: Iterable[Line]) -> Iterator[tuple[int, tuple[str, str, float] | str]]:
    for number, text in lines:
        if text is None or not text.strip():
            yield number, LINE_TOO_LONG if text is None else EMPTY_LINE
            continue
        fields = text.split("\t") if "\t" in text else text.split()
        if len(fields) != 2:
            fix = "write a word, a tab and its translation, or start with a header (english, non_english)"
            raise DataError(f"{len(fields)} columns where 2 are expected", path=path, line=number, fix=fix)
        yield number, (fields[0], fields[1], 1.0)


def _positive(value: float | str, path: Path | None = None, line: int | None = None) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = math.nan
    if not 0 < weight < math.inf:
        column = None if path is None else "weight"
        raise DataError(f"weight {shown(str(value))}", path=path, line=line, column=column, fix="give a positive number")
    return weight
