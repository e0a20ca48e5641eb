"""Example questions, with the passages that answer them where that is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..data.errors import DataError
from ..data.files import EMPTY_LINE, read_json_lines

# Of each subject of the embedded sample so many questions are offered.
_PER_SUBJECT = 2
_SPLIT = "test"


@dataclass(frozen=True)
class Example:
    """A question, the ids of the passages that answer it, and its English version if there is one."""

    text: str
    relevant: set[str] = field(default_factory=set)
    english: str = ""


def sample_examples() -> dict[str, list[Example]]:
    """Questions of the embedded sample that no model was trained on, some of every subject; by language, English ones too.

    Example:
        >>> sorted(sample_examples())
        ['en', 'sw']
    """
    from ..data.sample_data import sample_collection

    collection = sample_collection(_SPLIT)
    taken: dict[str, int] = {}
    swahili = []
    for id, text in collection.queries.items():
        subject = id.rsplit("-", 1)[0]
        taken[subject] = taken.get(subject, 0) + 1
        if taken[subject] <= _PER_SUBJECT:
            relevant = {document for document, relevance in collection.qrels[id].items() if relevance > 0}
            swahili.append((taken[subject], Example(text, relevant, collection.english.get(id, ""))))
    # the first of every subject, then the second: whoever sees six has seen six subjects
    chosen = [example for _, example in sorted(swahili, key=lambda entry: entry[0])]
    return {"sw": chosen, "en": [Example(e.english, e.relevant) for e in chosen if e.english]}


def read_examples(place: Path, default_language: str) -> dict[str, list[Example]]:
    """Questions by language, from a JSON Lines file (`text`, and if known `language`, `relevant`, `english`), or from a folder in
    BEIR layout (`queries.jsonl`, `qrels/test.tsv`).

    Args:
        default_language: of questions that do not say it.

    Raises:
        DataError, OSError: it is not there, or a line is not as it should be.
    """
    relevant = _judgements(place / "qrels" / f"{_SPLIT}.tsv") if place.is_dir() else None
    file = place / "queries.jsonl" if place.is_dir() else place
    found: dict[str, list[Example]] = {}
    for line, record, problem in read_json_lines(file):
        if problem == EMPTY_LINE:
            continue
        text, documents = record.get("text"), record.get("relevant", [])
        if problem or not isinstance(text, str) or not text.strip() or not isinstance(documents, list):
            fix = 'write {"text": "…", "language": "sw", "relevant": ["d1"]}'
            raise DataError(problem or "this is no example question", path=file, line=line, fix=fix)
        if relevant is not None and str(record.get("_id")) not in relevant:
            continue
        known = set(map(str, documents)) if relevant is None else relevant[str(record.get("_id"))]
        example = Example(" ".join(text.split()), known, str(record.get("english") or ""))
        found.setdefault(str(record.get("language") or default_language), []).append(example)
    return found


def _judgements(file: Path) -> dict[str, set[str]]:
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    found: dict[str, set[str]] = {}
    for row in rows:
        if len(row) == 3 and row[2].strip() not in ("0", ""):
            found.setdefault(row[0], set()).add(row[1])
    return found
