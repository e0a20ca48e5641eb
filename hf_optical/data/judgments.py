"""Triples with a note of who judged them: people, a few people for a few passages, or a rule."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any

from .errors import DataError
from .files import atomic_write

if TYPE_CHECKING:
    from datasets import Dataset

JUDGMENTS = {
    "human": "people judged the positives and the negatives",
    "shallow": "people marked a passage or two for each query; the negatives were never judged, and some are relevant",
    "synthetic": "a rule made the judgments, such as a link between two articles or a BM25 score; nobody read them",
}
_ROWS_PER_CHUNK = 10_000


@dataclass
class TriplesReport:
    """Where triples come from and what their judgments are worth.

    Attributes:
        source: file, folder or data set.
        judgments: `human`, `shallow` or `synthetic`: see `JUDGMENTS`.
        query_language, document_language: codes, as the caller gave them.
        machine_translated: whether text was translated by a machine.
        rows_read: rows of the source that were looked at.
        triples: rows in the data set.
        left_out: what was left out and why, to how many.
    """

    source: str
    judgments: str
    query_language: str = "en"
    document_language: str = "en"
    machine_translated: bool = False
    rows_read: int = 0
    triples: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.judgments not in JUDGMENTS:
            raise ValueError(f"judgments are {', '.join(JUDGMENTS)}, not {self.judgments!r}.")

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return vars(self) | {"left_out": dict(self.left_out)}

    def sentence(self) -> str:
        """What a model card says about this data.

        Example:
            >>> print(TriplesReport("wiki.tsv", "synthetic", "sw", triples=2).sentence())
            2 triples (queries sw, documents en) from wiki.tsv; judgments: synthetic (a rule made the judgments, such as a link \
between two articles or a BM25 score; nobody read them).
        """
        translated = ", machine-translated" if self.machine_translated else ""
        return (
            f"{self.triples:,} triples (queries {self.query_language}, documents {self.document_language}{translated}) from "
            f"{self.source}; judgments: {self.judgments} ({JUDGMENTS[self.judgments]})."
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write `to_dict` as JSON, whole or not at all."""
        with atomic_write(path) as file:
            file.write((json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n").encode())


@dataclass
class JudgedTriples:
    """Triples as `load_triples` gives them (`query`, `positive`, `negatives`, perhaps `scores`), and their report."""

    triples: Dataset
    report: TriplesReport

    @classmethod
    def collect(cls, rows: Iterable[Mapping[str, Any]], report: TriplesReport, *, scores: bool = False) -> JudgedTriples:
        """Put rows into a data set, chunk by chunk, so that they take no more memory than their text.

        Raises:
            DataError: there is no row.
        """
        import pyarrow as pa
        from datasets import Dataset, Features, List, Value

        kinds: dict[str, Any] = {"query": Value("string"), "positive": Value("string"), "negatives": List(Value("string"))}
        if scores:
            kinds["scores"] = List(Value("float64"))
        features = Features(kinds)
        tables = [pa.Table.from_pylist(chunk, schema=features.arrow_schema) for chunk in _chunks(iter(rows))]
        if not tables:
            counts = ", ".join(f"{reason}: {count}" for reason, count in report.left_out.items())
            problem = f"no triples in {report.rows_read} rows" + (f" ({counts})" if counts else "")
            raise DataError(problem, path=report.source, fix="check that the files belong together")
        triples = Dataset(pa.concat_tables(tables))
        report.triples = len(triples)
        return cls(triples, report)


def _chunks(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    while chunk := list(islice(rows, _ROWS_PER_CHUNK)):
        yield chunk
