"""(query, positive, negatives) triples: what an English teacher is trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DataError, did_you_mean, shown
from .fields import plain_text
from .files import MAX_RECORD_BYTES, existing_file, json_rows, read_lines
from .hub import column_names, is_hub_name, open_dataset, records

if TYPE_CHECKING:
    from datasets import Dataset

_KINDS = (".jsonl", ".ndjson", ".json", ".tsv")


def is_hub_triples(source: str) -> bool:
    """Whether `load_triples` takes a source for the name of a data set on the Hub."""
    path = Path(source)
    return not path.exists() and _kind(path) not in _KINDS and is_hub_name(source)


def _kind(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def load_triples(
    path_or_repo: str | PathLike[str],
    corpus_ids_to_text: Mapping[str, str] | None = None,
    *,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
) -> Dataset:
    """Load triples as a data set with the columns `query`, `positive`, `negatives` (a list) and, if given, `scores`.

    Args:
        path_or_repo: `.jsonl` (plain or `.gz`) by ids, `{"query", "positive_id", "negative_ids"}`, or by text,
            `{"query", "positive", "negatives"}` (`negative` for a single one); `.tsv` with query, positive and one or
            more negatives (a header with these names may lead); or a data set with such columns. `scores` are a
            teacher's scores for the positive and then each negative.
        corpus_ids_to_text: Passage id to text, needed for triples by ids.
        split: Split of a data set; so are `config` and `revision` for data sets only.

    Raises:
        DataError: A field is missing or of the wrong kind, an id is unknown, the positive is also a negative by id, or
            scores do not match the passages, with file and line.

    Example:
        >>> triples = load_triples("teacher/train.jsonl.gz", collection.corpus)  # doctest: +SKIP
    """
    path = Path(path_or_repo)
    kind = _kind(path)
    if path.is_file() or kind in _KINDS or (not path.is_dir() and not is_hub_name(str(path_or_repo))):
        existing_file(path)
        if kind not in _KINDS:
            raise DataError(f"unknown kind of file {kind!r}", path=path, fix=f"give one of {', '.join(_KINDS)}")
        rows = _tsv(path) if kind == ".tsv" else json_rows(path)
    else:
        data = open_dataset(path_or_repo, split=split, config=config, revision=revision)
        rows = records(data, column_names(data, path_or_repo), path_or_repo)
    reader = _Reader(path, corpus_ids_to_text)
    return _dataset([reader.triple(record, line) for line, record in rows], path)


def _tsv(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, text in read_lines(path, MAX_RECORD_BYTES):
        fields = (text or "").split("\t")
        if text == "" or (line == 1 and [name.strip() for name in fields[:2]] == ["query", "positive"]):
            continue
        if len(fields) < 3:
            problem = f"{len(fields)} fields where query, positive and a negative are expected"
            raise DataError(problem, path=path, line=line, fix="part them by tabs")
        yield line, {"query": fields[0], "positive": fields[1], "negatives": fields[2:]}


@dataclass
class _Reader:
    """Makes records into triples of texts."""

    path: Path
    texts: Mapping[str, str] | None
    scored: bool | None = None

    def triple(self, record: Mapping[str, Any], line: int) -> dict[str, Any]:
        query = self._filled(plain_text(record, "query", self.path, line), "query", line)
        if "positive_id" in record:
            positive, negatives = self._by_ids(record, line)
        else:
            if "positive" not in record:
                hint = did_you_mean("positive", record) or "give 'positive' or 'positive_id'"
                problem = f"missing; the fields are {', '.join(map(repr, record))}"
                raise DataError(problem, path=self.path, line=line, column="positive", fix=hint)
            positive = self._filled(plain_text(record, "positive", self.path, line), "positive", line)
            negatives = [self._filled(text, "negatives", line) for text in self._list(record, "negatives", "negative", line)]
        triple: dict[str, Any] = {"query": query, "positive": positive, "negatives": negatives}
        scores = record.get("scores")
        if self.scored is None:
            self.scored = scores is not None
        if self.scored != (scores is not None):
            problem = "scores are on some lines and not on others"
            raise DataError(problem, path=self.path, line=line, column="scores", fix="score every line or none")
        if scores is not None:
            triple["scores"] = self._scores(scores, 1 + len(negatives), line)
        return triple

    def _by_ids(self, record: Mapping[str, Any], line: int) -> tuple[str, list[str]]:
        if self.texts is None:
            fix = "give the passages: --passages, or corpus_ids_to_text= in Python"
            raise DataError("triples by ids need the corpus", path=self.path, line=line, column="positive_id", fix=fix)
        positive = plain_text(record, "positive_id", self.path, line)
        negatives = self._list(record, "negative_ids", "negative_id", line)
        if positive in negatives:
            problem = f"passage {shown(positive)} is both positive and negative"
            raise DataError(problem, path=self.path, line=line, column="negative_ids", fix="keep it in one place")
        for column, key in [("positive_id", positive), *(("negative_ids", key) for key in negatives)]:
            if key not in self.texts:
                problem = f"unknown passage {shown(key)}"
                fix = "check that the corpus is the one the triples were made from"
                raise DataError(problem, path=self.path, line=line, column=column, fix=fix)
        return self.texts[positive], [self.texts[key] for key in negatives]

    def _list(self, record: Mapping[str, Any], many: str, single: str, line: int) -> list[str]:
        """The texts under `many`, or the one under `single`; none where neither is there (in-batch negatives do)."""
        if many not in record:
            return [plain_text(record, single, self.path, line)] if record.get(single) is not None else []
        values = record[many]
        if not isinstance(values, list):
            problem = f"holds {type(values).__name__}, not a list"
            raise DataError(problem, path=self.path, line=line, column=many, fix=f"write a list, or one text in {single!r}")
        return [plain_text({many: value}, many, self.path, line) for value in values]

    def _filled(self, text: str, column: str, line: int) -> str:
        if not text.strip():
            raise DataError("empty", path=self.path, line=line, column=column, fix="write or remove it")
        return text

    def _scores(self, scores: object, expected: int, line: int) -> list[float]:
        numbers = isinstance(scores, list) and all(
            isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score) for score in scores
        )
        if not numbers or len(scores) != expected:
            problem = f"{shown(str(scores))} is not a list of {expected} numbers"
            fix = "give the positive's score, then one for each negative"
            raise DataError(problem, path=self.path, line=line, column="scores", fix=fix)
        return [float(score) for score in scores]


def _dataset(triples: list[dict[str, Any]], path: Path) -> Dataset:
    from datasets import Dataset, Features, List, Value

    if not triples:
        raise DataError("no triples", path=path, fix="check that the file was written whole")
    features: dict[str, Any] = {
        "query": Value("string"),
        "positive": Value("string"),
        "negatives": List(Value("string")),
    }
    if "scores" in triples[0]:
        features["scores"] = List(Value("float64"))
    return Dataset.from_list(triples, features=Features(features))
