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
    """Token ids of both sides, special tokens and query marker included.

    Args:
        bitext: columns `english` and `non_english`.
        student, teacher: whose tokenizers to use.
        max_length: tokens a side; default: the query length of each model.
        too_long: `drop` leaves out pairs of which one side is longer, since what is cut off on one side is missing on the
            other; `truncate` cuts.

    Returns:
        Columns `student_ids`, `teacher_ids` (lists of int), `length` (of the longer side) and `row` (in the result).

    Raises:
        TypeError: the bitext is streamed.
        ValueError: a column is missing; no pair is left; `max_length` is less than 1 or more than an encoder can take.
    """
    check_in_memory(bitext, ("english", "non_english"))
    if max_length is not None and max_length < 1:
        raise ValueError(f"max_length must be at least 1, got {max_length}.")
    limits = (max_length or student.config.query_length, max_length or teacher.config.query_length)
    for model, limit in zip((student, teacher), limits, strict=True):
        most = position_limit(model.backbone)
        if most is not None and limit > most:
            raise ValueError(
                f"max_length {limit} is more than the {most} tokens that the {type(model).__name__}'s encoder can take."
            )
        model.processor.token_ids([], model.processor.query_marker, limit)  # refuses a length without room for text
    # one more than allowed, so that the pairs that do not fit can be told from those that just fit
    room = [limit + (too_long == "drop") for limit in limits]

    def tokenize(batch: dict[str, list[str]]) -> dict[str, list]:
        s = student.processor.token_ids(batch["non_english"], student.processor.query_marker, room[0])
        t = teacher.processor.token_ids(batch["english"], teacher.processor.query_marker, room[1])
        fits = [len(x) <= limits[0] and len(y) <= limits[1] for x, y in zip(s, t, strict=True)]
        return {
            "student_ids": [x for x, fit in zip(s, fits, strict=True) if fit],
            "teacher_ids": [y for y, fit in zip(t, fits, strict=True) if fit],
            "length": [max(len(x), len(y)) for x, y, fit in zip(s, t, fits, strict=True) if fit],
        }

    examples = bitext.map(
        tokenize,
        batched=True,
        remove_columns=bitext.column_names,
        desc="tokenizing bitext",
        keep_in_memory=True,
        load_from_cache_file=False,
    )
    dropped = len(bitext) - len(examples)
    if dropped:
        logger.warning(
            "%d of %d pairs (%.0f %%) are longer than %d (student) or %d (teacher) tokens and left out (see max_length).",
            dropped, len(bitext), 100 * dropped / len(bitext), *limits,
        )  # fmt: skip
    if not len(examples):
        raise ValueError(f"none of the {len(bitext)} pairs fits into {limits[0]} and {limits[1]} tokens: raise max_length.")
    return examples.add_column("row", list(range(len(examples))))


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
