"""Sentence pairs, cleaned and counted: the only training data that distillation needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from os import PathLike
from typing import TYPE_CHECKING

from .bitext_readers import BitextSource, read_bitext
from .errors import DataError, check_limit
from .files import atomic_write
from .filters import EXCLUDED, REPEATED, BitextFilter
from .languages import check_non_english
from .report import BitextReport
from .rows import BitextRow
from .text import comparison_key, digest, normalise_text

if TYPE_CHECKING:
    from datasets import Dataset

# The median length ratio is taken over so many first rows, or so many characters, so that memory stays bounded.
_MEDIAN_ROWS = 50_000
_MEDIAN_CHARACTERS = 50_000_000
_PROGRESS_FROM = 50_000
_BATCH = 10_000
_COLUMNS = ("english", "non_english", "source")


@dataclass(frozen=True)
class Bitext:
    """Sentence pairs of English and one other language.

    Attributes:
        dataset: `datasets.Dataset` with the text columns `english`, `non_english` and `source`.
        language: Code of the other language.
        report: What was read, kept and rejected.
        fingerprint: SHA-256 of the kept pairs in their order: the same pairs give the same fingerprint anywhere.
    """

    dataset: Dataset
    language: str
    report: BitextReport
    fingerprint: str

    def __len__(self) -> int:
        return len(self.dataset)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """`(english, non_english)` in order."""
        for batch in self.dataset.iter(batch_size=_BATCH):
            yield from zip(batch["english"], batch["non_english"], strict=True)

    def write_tsv(self, path: str | PathLike[str]) -> None:
        """Write a TSV file for `load_bitext`; compressed where the name ends with `.gz`.

        Read with the same filter, the lengths of what is left may now have another median, and a few more pairs go.

        UTF-8, a header, no quoting. The file appears whole or not at all, and the same pairs give the same bytes.
        """
        with atomic_write(path) as file:
            file.write(("\t".join(_COLUMNS) + "\n").encode())
            for batch in self.dataset.iter(batch_size=_BATCH):
                rows = zip(*(batch[column] for column in _COLUMNS), strict=True)
                file.write("".join("\t".join(row) + "\n" for row in rows).encode())


def load_bitext(
    source: BitextSource | Sequence[BitextSource],
    *,
    language: str,
    english_column: str = "english",
    non_english_column: str = "non_english",
    columns: Sequence[str] | None = None,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    filters: BitextFilter | None = None,
    limit: int | None = None,
    exclude: Iterable[str] = (),
) -> Bitext:
    """Read sentence pairs, normalise and filter them, and count what became of every row.

    Time is linear in the data. Beside the kept text, 16 bytes a pair are held to find repeated pairs.

    Args:
        source: A TSV, CSV, JSON Lines, Parquet or TMX file, Moses files (a tuple of two, English first, or a prefix), a
            folder or Hub name of a data set (see `read_bitext`), or a list of these, read in order.
        language: Code of the other language, such as "sw".
        english_column: Name of the English column.
        non_english_column: Name of the other column.
        columns: Names of the fields of TSV and CSV files without a header.
        split: Split of a data set; so are `config`, `revision` and `streaming` for data sets only.
        filters: What a pair has to meet; `BitextFilter()` where None.
        limit: Stop as soon as so many pairs are kept.
        exclude: Sentences, such as test questions, that neither side of a pair may be, compared without case,
            punctuation and spacing.

    Raises:
        DataError: A source is missing or broken, or no pair is left.

    Example:
        >>> bitext = load_bitext("sw.tsv.gz", language="sw", exclude=questions)  # doctest: +SKIP
        >>> print(bitext.report.table())  # doctest: +SKIP
    """
    language = check_non_english(language)
    filters = BitextFilter() if filters is None else filters
    check_limit(limit, "pairs")
    if isinstance(exclude, str):
        raise DataError("exclude is one text, not a list of sentences", fix="give exclude=[sentence]")
    excluded = {digest(comparison_key(sentence)) for sentence in exclude if normalise_text(sentence)}
    sources = [source] if isinstance(source, str | PathLike | tuple) else list(source)
    if not sources:
        raise DataError("no source given", fix="name a file, a folder or a data set")
    rows = chain.from_iterable(
        read_bitext(
            one,
            language=language,
            english_column=english_column,
            non_english_column=non_english_column,
            columns=columns,
            split=split,
            config=config,
            revision=revision,
            streaming=streaming,
        )
        for one in sources
    )
    report = BitextReport(language)
    builder = _Builder()
    kept = _kept(_with_progress(rows, language), filters, excluded, report)
    for english, non_english, origin in kept:
        builder.add(english, non_english, origin)
        if builder.rows == limit:
            break
    if not builder.rows:
        raise _nothing_left(report, sources)
    dataset, fingerprint = builder.finish()
    return Bitext(dataset, language, report, fingerprint)


def _kept(
    rows: Iterator[BitextRow], filters: BitextFilter, excluded: set[bytes], report: BitextReport
) -> Iterator[tuple[str, str, str]]:
    """Normalised pairs and their source; every row is counted at the moment it is decided on."""
    judged = ((row, *(filters.clean(row.english, row.non_english))) for row in rows)
    head = []
    if filters.max_length_ratio is not None and filters.relative_to_median:
        size = 0
        for item in judged:
            head.append(item)
            size += len(item[0].english) + len(item[0].non_english)
            if len(head) >= _MEDIAN_ROWS or size >= _MEDIAN_CHARACTERS:
                break
    good = ((english, other) for row, reason, english, other in head if not (row.problem or reason))
    expected = filters.expected_length_ratio(good)
    report.length_ratio = expected if filters.relative_to_median else None
    seen: set[bytes] = set()
    for row, reason, english, non_english in chain(head, judged):
        reason = row.problem or reason or filters.ratio_reason(english, non_english, expected)
        if reason:
            report.reject(reason, row.file, row.line)
            continue
        if excluded and not excluded.isdisjoint(digest(comparison_key(side)) for side in (english, non_english)):
            report.reject(EXCLUDED, row.file, row.line)
            continue
        if filters.dedup:
            key = digest(english, non_english)
            if key in seen:
                report.reject(REPEATED, row.file, row.line)
                continue
            seen.add(key)
        source = normalise_text(row.source)
        report.keep(source)
        yield english, non_english, source


def _with_progress(rows: Iterator[BitextRow], language: str) -> Iterator[BitextRow]:
    """The rows, with a progress bar once they turn out to be many."""
    bar = None
    try:
        for number, row in enumerate(rows, start=1):
            if number == _PROGRESS_FROM:
                from tqdm.auto import tqdm

                bar = tqdm(desc=f"reading {language}-en", unit=" rows", initial=number, disable=None)
            elif bar is not None:
                bar.update()
            yield row
    finally:
        if bar is not None:
            bar.close()


def _nothing_left(report: BitextReport, sources: list[BitextSource]) -> DataError:
    place = ", ".join(" + ".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in sources)
    if not report.rows_read:
        return DataError("no rows after the header", path=place, fix="check that the file was written whole")
    reason, rejects = report.by_count()[0]
    where = ", ".join(rejects.first)
    problem = f"all {report.rows_read:,} rows were rejected, {rejects.count:,} of them for {reason!r} ({where})"
    return DataError(problem, path=place, fix="look at these rows, or relax filters=BitextFilter(...)")


class _Builder:
    """Gathers kept pairs in Arrow batches, so that Python holds only a few of them as objects."""

    def __init__(self) -> None:
        self.rows = 0
        self.batches: list = []
        self.pending: list[tuple[str, str, str]] = []
        self.hasher = hashlib.sha256()

    def add(self, english: str, non_english: str, source: str) -> None:
        self.rows += 1
        self.pending.append((english, non_english, source))
        # Normalised text holds no tab and no line break, so this is unambiguous.
        self.hasher.update(f"{english}\t{non_english}\n".encode())
        if len(self.pending) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self.pending:
            arrays = [pa.array(values, pa.string()) for values in zip(*self.pending, strict=True)]
            self.batches.append(pa.record_batch(arrays, names=list(_COLUMNS)))
            self.pending = []

    def finish(self) -> tuple[Dataset, str]:
        import datasets
        import pyarrow as pa

        self._flush()
        fingerprint = self.hasher.hexdigest()
        table = datasets.table.InMemoryTable(pa.Table.from_batches(self.batches))
        return datasets.Dataset(table, fingerprint=fingerprint[:16]), fingerprint
