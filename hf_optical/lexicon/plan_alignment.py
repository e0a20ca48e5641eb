"""A lexicon from what a trained student has learned: words that transport carries onto each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ..data.errors import DataError
from ..data.report import BitextReport
from ..transport import TransportResult, cosine_cost, marginals, sinkhorn
from .lexicon import Lexicon
from .words import split_words, word_key

if TYPE_CHECKING:
    from ..models import OpticalStudentModel, OpticalTeacherModel

Solver = Callable[[Tensor, Tensor, Tensor], TransportResult]

TOO_LONG = "more tokens than the model takes"
NO_WORD = "side without a word"
SPECIAL_TOKEN = "special token in the text"
# Pairs sorted by length and worked off together; bounds what is held at a time.
_BLOCK = 1024


def align_by_plans(
    student: OpticalStudentModel,
    teacher: OpticalTeacherModel,
    pairs: Iterable[tuple[str, str]],
    *,
    language: str | None = None,
    solver: Solver | None = None,
    max_length: int | None = None,
    batch_size: int = 32,
    min_count: int = 2,
    top: int = 5,
) -> Lexicon:
    """Induce a lexicon from the transport plans between a student's tokens and its teacher's.

    For every pair, transport is solved between the tokens of the two sentences, unexpanded, as in distillation (arXiv 2301.12566,
    eq. 5). The mass between the pieces of two words is summed; words are linked where each sends most of its mass to the other.
    Mass sent to punctuation and special tokens, taken together, counts as that of one word more, which is never linked.

    Args:
        student, teacher: trained models; their tokenizers must be fast ones, which know where in the text a token stands.
        pairs: (English, non-English) sentences, read once.
        language: code of the other language; needed unless the student has exactly one.
        solver: default `transport.sinkhorn` with epsilon 0.02 and at most 300 iterations; or `transport.exact`.
        max_length: tokens a side, default as each model encodes; longer pairs are left out.
        batch_size: pairs encoded and solved at a time.
        min_count, top: as in `Lexicon.from_counts`.

    Returns:
        A lexicon whose weights are shares of links; its `report` says what became of the pairs.

    Raises:
        DataError: an argument is out of range, an element is not a pair of texts, or the language is not told.
        ValueError: a tokenizer does not tell where its tokens stand; `max_length` leaves no room for text.

    Example:
        >>> lexicon = align_by_plans(student, teacher, bitext.pairs())  # doctest: +SKIP
        >>> lexicon.write("sw.tsv")  # doctest: +SKIP
    """
    if language is None:
        known = student.config.languages or []
        if len(known) != 1:
            raise DataError(f"the student has {len(known)} languages", fix="say which one the pairs are in: language='sw'")
        language = known[0]
    if batch_size < 1:
        raise DataError(f"batch_size is {batch_size}", fix="give at least 1")
    language = Lexicon.from_counts({}, language, min_count=min_count, top=top).language  # refuses bad arguments at once
    solver = solver or partial(sinkhorn, epsilon=0.02, max_iterations=300)
    side = "document" if student.config.side == "document" else "query"
    report, counts = BitextReport(language), {}
    numbered = enumerate(pairs, start=1)
    modes = student.training, teacher.training
    student.eval(), teacher.eval()
    try:
        while block := list(islice(numbered, _BLOCK)):
            for english, foreign in _links(
                student, teacher, _read(student, teacher, block, side, max_length, report), solver, batch_size
            ):
                counts.setdefault(english, Counter())[foreign] += 1
    finally:
        student.train(modes[0]), teacher.train(modes[1])
    lexicon = Lexicon.from_counts(counts, language, min_count=min_count, top=top)
    lexicon.report = report
    return lexicon


class _Sentence(NamedTuple):
    """Token ids, the number of the word that each token is a piece of (0: of none), and the key of each word from 1."""

    ids: list[int]
    word_of: list[int]
    keys: list[str]


def _read(
    student: OpticalStudentModel,
    teacher: OpticalTeacherModel,
    block: Sequence[tuple[int, tuple[str, str]]],
    side: str,
    max_length: int | None,
    report: BitextReport,
) -> list[tuple[_Sentence, _Sentence]]:
    """(English, non-English) sentences that can be aligned; the others are counted in the report."""
    for number, pair in block:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise DataError(f"pair {number} is not two texts", fix="give (English, non-English) tuples")
    english = _sentences(teacher, [pair[0] for _, pair in block], side, max_length)
    foreign = _sentences(student, [pair[1] for _, pair in block], side, max_length)
    kept = []
    for (number, _), e, f in zip(block, english, foreign, strict=True):
        reason = next((found for found in (e, f) if isinstance(found, str)), None)
        if reason is None:
            report.keep("pairs")
            kept.append((e, f))
        else:
            report.reject(reason, "pairs", number)
    return sorted(kept, key=lambda pair: len(pair[0].ids) + len(pair[1].ids))


def _sentences(
    model: OpticalStudentModel | OpticalTeacherModel, texts: Sequence[str], side: str, max_length: int | None
) -> list[_Sentence | str]:
    """Every text as the model encodes it, or the reason why it cannot be aligned."""
    processor, limit = model.processor, max_length or getattr(model.config, f"{side}_length")
    if not getattr(processor.tokenizer, "is_fast", False):
        raise ValueError(f"{type(processor.tokenizer).__name__} does not tell where its tokens stand: use a fast tokenizer.")
    marker = processor.query_marker if side == "query" else processor.document_marker
    prefix = marker if isinstance(marker, str) else ""
    # one more than allowed, so that what does not fit can be told from what just fits
    ids = processor.token_ids(texts, marker, limit + 1)
    placed = processor.tokenizer(
        [prefix + text for text in texts],
        truncation=True,
        max_length=limit + 1 - isinstance(marker, int),
        split_special_tokens=True,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )
    found: list[_Sentence | str] = []
    for text, row, offsets, special in zip(texts, ids, placed["offset_mapping"], placed["special_tokens_mask"], strict=True):
        keys, word_at = _words_at(text)
        numbers = [
            0 if s else _word_in(word_at, a - len(prefix), b - len(prefix)) for (a, b), s in zip(offsets, special, strict=True)
        ]
        if isinstance(marker, int):
            front = next((i for i, flag in enumerate(special) if not flag), len(special))
            numbers.insert(front, 0)
        if len(row) > limit:
            found.append(TOO_LONG)
        elif not any(numbers):
            found.append(NO_WORD)
        else:
            found.append(_Sentence(row, numbers, keys) if len(row) == len(numbers) else SPECIAL_TOKEN)
    return found


def _words_at(text: str) -> tuple[list[str], list[int]]:
    """Keys of the words, and for every character the number, from 1, of the word that it belongs to (0: none)."""
    keys: list[str] = []
    word_at: list[int] = []
    for piece, is_word in split_words(text):
        if is_word:
            keys.append(word_key(piece))
        word_at += [len(keys) if is_word else 0] * len(piece)
    return keys, word_at


def _word_in(word_at: Sequence[int], start: int, end: int) -> int:
    """The first word that some of the characters belong to; tokenizers may count the space before a word to its first piece."""
    return next((number for number in word_at[max(0, start) : max(0, end)] if number), 0)


@torch.no_grad()
def _links(
    student: OpticalStudentModel,
    teacher: OpticalTeacherModel,
    pairs: Sequence[tuple[_Sentence, _Sentence]],
    solver: Solver,
    batch_size: int,
) -> Iterator[tuple[str, str]]:
    """(English key, foreign key) of all linked words."""
    for start in range(0, len(pairs), batch_size):
        english, foreign = zip(*pairs[start : start + batch_size], strict=True)
        t, t_mask = _embed(teacher, english)
        s, s_mask = _embed(student, foreign)
        t, t_mask = t.to(s.device), t_mask.to(s.device)
        plan = solver(cosine_cost(s, t), marginals(s_mask), marginals(t_mask)).plan
        pieces_f, pieces_e = _pieces(foreign, plan.shape[1]).to(plan), _pieces(english, plan.shape[2]).to(plan)
        mass = pieces_f.transpose(1, 2) @ plan @ pieces_e  # (B, 1 + foreign words, 1 + English words)
        best_e, best_f = mass.argmax(2), mass.argmax(1)
        mutual = best_f.gather(1, best_e) == torch.arange(mass.shape[1], device=mass.device)
        mutual &= mass.amax(2) > 0
        mutual[:, 0] = False
        mutual &= best_e > 0
        for i, f in mutual.nonzero().tolist():
            yield english[i].keys[best_e[i, f] - 1], foreign[i].keys[f - 1]


def _embed(model: OpticalStudentModel | OpticalTeacherModel, sentences: Sequence[_Sentence]) -> tuple[Tensor, Tensor]:
    """`(B, n, d)` embeddings and `(B, n)` mask of the tokens."""
    batch = {
        name: value.to(model.device)
        for name, value in model.processor.pad_queries([s.ids for s in sentences], expand=False).items()
    }
    return model(**batch).embeddings, batch["scoring_mask"]


def _pieces(sentences: Sequence[_Sentence], length: int) -> Tensor:
    """`(B, length, 1 + words)`: 1 where a token is a piece of a word, or of none (0)."""
    word_of = torch.zeros(len(sentences), length, dtype=torch.long)
    for i, sentence in enumerate(sentences):
        word_of[i, : len(sentence.word_of)] = torch.tensor(sentence.word_of)
    return torch.nn.functional.one_hot(word_of, 1 + max(len(sentence.keys) for sentence in sentences))
