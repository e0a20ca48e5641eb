"""Bitext retrieval: how often a sentence finds its own translation among all the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..data.errors import DataError
from .ranking import standard_error
from .retrieval import RetrievalResult, data_fingerprint

if TYPE_CHECKING:
    from ..models import OpticalPreTrainedModel, OpticalTeacherModel

# What two sentences are compared by, in the order of the table.
MEASURES = ("maxsim", "maxsim-reverse", "maxsim-sum", "cosine")
# Foreign and English sentences compared at a time: 32 x 64 of 32 tokens each are 2 M similarities, 8 MB.
_FOREIGN_ROWS, _ENGLISH_ROWS = 32, 64


@dataclass(kw_only=True)
class BitextRetrievalResult(RetrievalResult):
    """Accuracy of sentence retrieval, as a `RetrievalResult` whose `queries` are pairs and whose `run` is empty.

    `metrics` and `standard_errors` are keyed `to-en maxsim`: the share of non-English sentences of which the first hit
    among all the English ones is their translation (accuracy@1), and `from-en maxsim` the other way round; `per_query` holds
    1.0 or 0.0 for each pair, by its number from 1.

    Attributes:
        cut_off: sentences that are longer than the models' limits, and were cut: `{"non_english": n, "english": m}`.
    """

    cut_off: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"cut_off": self.cut_off}


def read_parallel(path: str | PathLike[str], *, limit: int | None = None) -> tuple[list[str], list[str]]:
    """English and non-English sentences of a file of parallel lines, every line kept, in order.

    Args:
        path: as `load_bitext` takes it (TSV or CSV with the columns `english` and `non_english`, JSONL, Parquet).
        limit: read the first pairs only.

    Raises:
        DataError: the file cannot be read, a side is empty, or there are fewer than two pairs.
    """
    from ..data.bitext_readers import read_bitext
    from ..data.text import normalise_text

    english, foreign = [], []
    for row in read_bitext(path, language="und"):
        if limit is not None and len(english) == limit:
            break
        texts = normalise_text(row.english), normalise_text(row.non_english)
        if row.problem or not all(texts):
            problem = row.problem or f"the {'non-English' if texts[0] else 'English'} side is empty"
            raise DataError(problem, path=path, line=row.line, fix="every line of a test set needs both sides")
        english.append(texts[0])
        foreign.append(texts[1])
    if len(english) < 2:
        raise DataError(f"{len(english)} pairs, where at least 2 are needed", path=path, fix="check that the file is whole")
    return english, foreign


def evaluate_bitext_retrieval(
    model: OpticalPreTrainedModel,
    teacher: OpticalTeacherModel,
    english: Sequence[str],
    non_english: Sequence[str],
    *,
    system: str = "student",
    max_length: int | None = None,
    batch_size: int = 32,
) -> BitextRetrievalResult:
    """Match every non-English sentence, encoded as the model's query, with all English ones, encoded as the teacher's.

    Let F and E be the token embeddings of two sentences. `maxsim` is `mean_i max_j <F_i, E_j>`, `maxsim-reverse` is
    `mean_j max_i <F_i, E_j>`, `maxsim-sum` their sum, and `cosine` that of the mean embeddings. Means over tokens instead of
    sums: with sums, the longest of the sentences compared would be the best match of many. It makes no difference where both
    sides are expanded to one length. Equal scores: the first sentence wins; a hit with the text of the translation is right.

    Args:
        model: the student; or the teacher, for what it does without distillation (zero-shot).
        teacher: encodes the English sentences.
        english, non_english: line by line translations of each other.
        system: name in the result.
        max_length: tokens a side; default each model's query length, with expansion as each is set. With a length of its own
            nothing is expanded: a run of more `[MASK]`s than in training is no query. Sentences that are longer are cut, and
            counted.
        batch_size: sentences encoded at a time.

    Returns:
        Accuracies with standard errors. Memory: the embeddings of both sides and one block of 32 x 64 comparisons; never all
        of N x N.

    Raises:
        ValueError: numbers of lines differ or are less than 2, the student is not the teacher's or encodes documents only, or
            `max_length` is not to be had.

    Example:
        >>> english, swahili = read_parallel("bitext-test/sw.tsv.gz")  # doctest: +SKIP
        >>> evaluate_bitext_retrieval(student, teacher, english, swahili).metrics["to-en maxsim"]  # doctest: +SKIP
        0.269
    """
    if len(english) != len(non_english) or len(english) < 2:
        raise ValueError(f"{len(english)} English and {len(non_english)} other sentences: give the same number, 2 or more.")
    _check_pair(model, teacher, max_length)
    foreign_tokens, foreign_cut = _encode(model, non_english, max_length, batch_size)
    english_tokens, english_cut = _encode(teacher, english, max_length, batch_size)
    found = _first_hits(foreign_tokens, english_tokens)
    per_query: dict[str, dict[str, float]] = {}
    for direction, texts in (("to-en", english), ("from-en", non_english)):
        for measure in MEASURES:
            hits = found[direction, measure]
            right = (float(texts[hit] == text) for hit, text in zip(hits, texts, strict=True))
            per_query[f"{direction} {measure}"] = {str(line): value for line, value in enumerate(right, 1)}
    return BitextRetrievalResult(
        system,
        len(english),
        {name: math.fsum(values.values()) / len(values) for name, values in per_query.items()},
        {name: standard_error(values.values()) for name, values in per_query.items()},
        per_query,
        {},
        benchmark={"fingerprint": data_fingerprint(english, non_english, [str(max_length)])},
        fingerprint=model.fingerprint(),
        cut_off={"non_english": foreign_cut, "english": english_cut},
    )


def bitext_table(results: Sequence[BitextRetrievalResult], *, every: bool = False) -> str:
    """Markdown table of accuracies in points; `maxsim` and `cosine`, or `every` measure."""
    from .table import results_table

    measures = MEASURES if every else ("maxsim", "maxsim-sum", "cosine")
    return results_table(results, [f"{direction} {measure}" for direction in ("to-en", "from-en") for measure in measures])


def _check_pair(model: OpticalPreTrainedModel, teacher: OpticalTeacherModel, max_length: int | None) -> None:
    from ..models import OpticalStudentModel
    from ..models.loading_optical import position_limit

    if isinstance(model, OpticalStudentModel):
        model.check_teacher(teacher.fingerprint(), teacher.name_or_path)
        if getattr(model.config, "side", "query") == "document":
            raise ValueError("this student encodes documents only: bitext retrieval compares queries.")
    for each in (model, teacher):
        most = position_limit(each.backbone)
        if max_length is not None and most is not None and max_length > most:
            raise ValueError(f"max_length {max_length} is more than the {most} tokens that an encoder can take.")


def _encode(
    model: OpticalPreTrainedModel, texts: Sequence[str], max_length: int | None, batch_size: int
) -> tuple[list[Tensor], int]:
    """Token embeddings of queries, and how many of them were cut."""
    from ..models.encoding_optical import encode_texts

    processor = model.processor
    length = model.config.query_length if max_length is None else max_length
    ids = processor.token_ids(texts, processor.query_marker, length)
    longer = processor.token_ids(texts, processor.query_marker, length + 1)
    pad = processor.pad_queries if max_length is None else partial(processor.pad_queries, expand=False)
    cut = sum(len(row) > length for row in longer)
    return encode_texts(model, ids, pad, batch_size, None, "sentences"), cut


@torch.no_grad()
def _first_hits(foreign: Sequence[Tensor], english: Sequence[Tensor]) -> dict[tuple[str, str], list[int]]:
    """`(direction, measure)` -> position of the best match of each sentence, block by block."""
    shape = (len(MEASURES), len(foreign))
    best_to, hit_to = torch.full(shape, -torch.inf), torch.zeros(shape, dtype=torch.long)
    best_from, hit_from = best_to.clone(), hit_to.clone()
    for rows, f_tokens, f_mask, f_mean in _blocks(foreign, _FOREIGN_ROWS):
        for columns, e_tokens, e_mask, e_mean in _blocks(english, _ENGLISH_ROWS):
            scores = _scores(f_tokens, f_mask, f_mean, e_tokens, e_mask, e_mean)
            for axis, mine, others, best, hit in ((2, rows, columns, best_to, hit_to), (1, columns, rows, best_from, hit_from)):
                value, where = _first_maximum(scores, axis)
                better = value > best[:, mine]  # not >=: of equal scores the first wins
                best[:, mine] = torch.where(better, value, best[:, mine])
                hit[:, mine] = torch.where(better, where + others.start, hit[:, mine])
    both = (("to-en", hit_to), ("from-en", hit_from))
    return {(direction, name): hit[i].tolist() for direction, hit in both for i, name in enumerate(MEASURES)}


def _blocks(sentences: Sequence[Tensor], size: int) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """Rows, `(b, n, d)` tokens, `(b, n)` weights of a mean over tokens, `(b, d)` unit mean embeddings."""
    for start in range(0, len(sentences), size):
        chunk = sentences[start : start + size]
        lengths = torch.tensor([len(tokens) for tokens in chunk])
        # padding repeats a sentence's own first token: it changes no maximum
        padded = [torch.cat([t, t[:1].expand(int(lengths.max()) - len(t), -1)]) for t in chunk]
        weights = (torch.arange(int(lengths.max()))[None] < lengths[:, None]) / lengths[:, None]
        means = torch.nn.functional.normalize(torch.stack([t.mean(0) for t in chunk]), dim=-1)
        yield slice(start, start + len(chunk)), torch.stack(padded), weights, means


def _scores(f_tokens: Tensor, f_weights: Tensor, f_mean: Tensor, e_tokens: Tensor, e_weights: Tensor, e_mean: Tensor) -> Tensor:
    """`(measures, b, c)` similarities of b foreign and c English sentences."""
    (b, n, _), (c, m, _) = f_tokens.shape, e_tokens.shape
    similarity = (f_tokens.flatten(0, 1) @ e_tokens.flatten(0, 1).T).view(b, n, c, m)
    forward = torch.einsum("bnc,bn->bc", similarity.amax(3), f_weights)
    reverse = torch.einsum("bcm,cm->bc", similarity.amax(1), e_weights)
    return torch.stack([forward, reverse, forward + reverse, f_mean @ e_mean.T])


def _first_maximum(scores: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Maximum along an axis, and the first place where it is (`argmax` leaves open which of several)."""
    best = scores.amax(axis, keepdim=True)
    places = torch.arange(scores.shape[axis]).view(-1, 1) if axis == 1 else torch.arange(scores.shape[axis])
    where = torch.where(scores == best, places, scores.shape[axis]).amin(axis)
    return best.squeeze(axis), where


def save_bitext_result(result: BitextRetrievalResult, folder: str | PathLike[str], name: str) -> None:
    """Write accuracies and the hits of single pairs to `{name}.bitext.json` in the folder, atomically."""
    result.save(Path(folder) / f"{name}.bitext.json")
