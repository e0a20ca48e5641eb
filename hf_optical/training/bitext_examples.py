"""Bitext as token ids of teacher and student: what the trainer draws its batches from."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..models.loading_optical import position_limit

if TYPE_CHECKING:
    from datasets import Dataset

    from ..models import OpticalProcessor, OpticalStudentModel, OpticalTeacherModel

logger = logging.getLogger(__name__)


def tokenize_bitext(
    bitext: Dataset,
    student: OpticalStudentModel,
    teacher: OpticalTeacherModel,
    *,
    max_length: int | None = None,
    too_long: str = "drop",
) -> Dataset:
    """Token ids of both sides, special tokens and marker included, for what the student is to encode (`student.config.side`).

    Args:
        bitext: columns `english` and `non_english`; optionally `documents`, row numbers of passages for a ranking loss.
        student, teacher: whose tokenizers to use. A pair is taken as two queries, as two documents, or once as each.
        max_length: tokens a side; default: the query (or document) length of each model.
        too_long: `drop` leaves out pairs of which one side is longer, since what is cut off on one side is missing on the
            other; `truncate` cuts.

    Returns:
        Columns `student_ids`, `teacher_ids` (lists of int), `form` (`query` or `document`), `length` (of the longer side), `row`
        (among the examples of its form) and `documents`, if given.

    Raises:
        TypeError: the bitext is streamed.
        ValueError: a column is missing; no pair is left; `max_length` is less than 1 or more than an encoder can take.
    """
    check_in_memory(bitext, ("english", "non_english"))
    if max_length is not None and max_length < 1:
        raise ValueError(f"max_length must be at least 1, got {max_length}.")
    forms = ("query", "document") if student.config.side == "both" else (student.config.side,)
    limits = {form: _limits(form, student, teacher, max_length) for form in forms}
    # one more than allowed, so that the pairs that do not fit can be told from those that just fit
    spare = int(too_long == "drop")
    names = ("student_ids", "teacher_ids", "form", "length") + (("documents",) if "documents" in bitext.column_names else ())

    def tokenize(batch: dict[str, list]) -> dict[str, list]:
        columns: dict[str, list] = {name: [] for name in names}
        for form, (most_s, most_t) in limits.items():
            s = student.processor.token_ids(batch["non_english"], _marker(student, form), most_s + spare)
            t = teacher.processor.token_ids(batch["english"], _marker(teacher, form), most_t + spare)
            for i, (x, y) in enumerate(zip(s, t, strict=True)):
                if len(x) <= most_s and len(y) <= most_t:
                    example = {"student_ids": x, "teacher_ids": y, "form": form, "length": max(len(x), len(y))}
                    if "documents" in columns:
                        example["documents"] = batch["documents"][i] if form == "query" else []
                    for name, value in example.items():
                        columns[name].append(value)
        return columns

    examples = bitext.map(
        tokenize,
        batched=True,
        remove_columns=bitext.column_names,
        desc="tokenizing bitext",
        keep_in_memory=True,
        load_from_cache_file=False,
    )
    most = ", ".join(f"{s} (student) or {t} (teacher) tokens of a {form}" for form, (s, t) in limits.items())
    expected = len(bitext) * len(forms)
    if dropped := expected - len(examples):
        logger.warning(
            "%d of %d pairs (%.0f %%) are longer than %s and left out (see max_length).",
            dropped, expected, 100 * dropped / expected, most,
        )  # fmt: skip
    if not len(examples):
        raise ValueError(f"none of the {len(bitext)} pairs fits into {most}: raise max_length.")
    counts: Counter[str] = Counter()
    rows = []
    for form in examples["form"]:
        rows.append(counts[form])
        counts[form] += 1
    return examples.add_column("row", rows)


def _limits(form: str, student: OpticalStudentModel, teacher: OpticalTeacherModel, max_length: int | None) -> tuple[int, int]:
    """The most tokens of student and teacher; ValueError if an encoder or its markers cannot do with them."""
    limits = []
    for model in (student, teacher):
        limit = max_length or getattr(model.config, f"{form}_length")
        most = position_limit(model.backbone)
        if most is not None and limit > most:
            raise ValueError(
                f"max_length {limit} is more than the {most} tokens that the {type(model).__name__}'s encoder can take."
            )
        model.processor.token_ids([], _marker(model, form), limit)  # refuses a length without room for text
        limits.append(limit)
    return limits[0], limits[1]


def _marker(model: OpticalStudentModel | OpticalTeacherModel, form: str) -> int | str | None:
    return model.processor.query_marker if form == "query" else model.processor.document_marker


def check_in_memory(dataset: Dataset, columns: Sequence[str]) -> None:
    """Raise TypeError for a streamed data set, ValueError for a missing column."""
    if not hasattr(dataset, "__len__"):
        raise TypeError(
            f"the trainer needs a data set of known length, not {type(dataset).__name__}: load it without streaming, or make one "
            "of the first pairs with datasets.Dataset.from_list(list(stream.take(n)))."
        )
    missing = [name for name in columns if name not in dataset.column_names]
    if missing:
        raise ValueError(f"the data set has no column {missing[0]!r}; its columns are {', '.join(dataset.column_names)}.")


def idf_weights(ids: Iterable[Sequence[int]], vocab_size: int, always: Sequence[int] = ()) -> Tensor:
    """Inverse document frequency of every token id: `log(1 + N / (1 + df))`, positive, about log 2 for a token of every sentence.

    Args:
        ids: token ids of N sentences.
        vocab_size: V.
        always: ids to be counted as part of every sentence (the mask token of expanded queries).

    Returns:
        `(V,)` float32.

    Example:
        >>> idf_weights([[1, 2], [1, 3]], 4)[1] < idf_weights([[1, 2], [1, 3]], 4)[2]
        tensor(True)
    """
    count = 0
    frequency: Counter[int] = Counter()
    for sentence in ids:
        frequency.update(set(sentence))
        count += 1
    df = torch.zeros(vocab_size)
    for token, times in frequency.items():
        df[token] = times
    df[list(always)] = count
    return torch.log1p(count / (1 + df)) if count else torch.full((vocab_size,), math.log(2))


def mask_ids(processor: OpticalProcessor, expand: bool) -> list[int]:
    """Ids that expansion puts into every query."""
    return [processor.tokenizer.mask_token_id] if expand else []
