"""Give a student tokens for the words of its language: `adapt_vocabulary`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..data.errors import DataError
from ..lexicon.word_alignment import WordAlignment
from ..models import OpticalStudentModel
from .english_guard import EnglishGuard
from .extensible import ExtensibleVocabulary, extensible, survives_reload
from .forms import TextForms
from .initialisation import EnglishEmbeddings
from .report import VocabularyReport
from .subwords import learn_parts, translations_of_parts
from .units import Unit, units_of

logger = logging.getLogger(__name__)

_RARE = "seen too seldom"
_NOTHING = "nothing to the tokenizer"
_UNALIGNED = "no alignment"
_NAME = "spelt alike in English"
_LIMIT = "over max_words"
_ENGLISH = "used in English too"
# A token there is starts anew unless it is used in English more often than this for each time that it is a word of the language.
_RESTART_TOLERANCE = 0.5


def adapt_vocabulary(
    student: OpticalStudentModel,
    pairs: Sequence[tuple[str, str]],
    *,
    alignment: WordAlignment | None = None,
    min_count: int = 2,
    max_words: int | None = None,
    subwords: int = 0,
    top: int = 5,
    restart: bool | None = None,
) -> VocabularyReport:
    """Add the frequent words of a language to a student's vocabulary; it is changed in place.

    A word that the tokenizer breaks into several pieces becomes a token, whose input embedding starts as the mean of those of
    its English translations, weighted by the probabilities of the word alignment. Names, which are spelt alike in English, and
    words without an alignment keep their pieces. Nothing is taken out of the vocabulary, and every token keeps its id.

    Words that are one token already (Swahili `ya`, `na` in an English vocabulary) have an embedding that means nothing, or
    something else: with `restart` it starts anew at the translations too, unless English words make use of the token.

    Args:
        student: its tokenizer is replaced, its table of input embeddings grows.
        pairs: (English, non-English) sentences.
        alignment: of the words of these pairs; fitted here if None.
        min_count: how often a word must occur to be added.
        max_words: add only the most frequent words; None: all.
        subwords: how many parts of words to add for the other words; not for byte-level tokenizers.
        top: how many English translations of a word to average.
        restart: whether to start words anew that are one token already. None: those that are as in the (English) teacher
            attached to the student, if it has the teacher's vocabulary. Not for multilingual encoders, which know these words.

    Raises:
        DataError: an argument is out of range, or there are no pairs.
        ValueError: the tokenizer is not a fast one, cannot take sub-words, or does not come back the same when loaded.

    Example:
        >>> report = adapt_vocabulary(student, list(load_bitext("sw.tsv.gz", language="sw").pairs()))  # doctest: +SKIP
        >>> print(report.table())  # doctest: +SKIP
    """
    for name, value in (("min_count", min_count), ("max_words", max_words), ("subwords", subwords), ("top", top)):
        least = 0 if name == "subwords" else 1
        if value is not None and value < least:
            raise DataError(f"{name} is {value}", fix=f"give at least {least}")
    pairs = list(pairs)
    if not pairs:
        raise DataError("there are no sentence pairs", fix="give pairs of (English, non-English) sentences")
    vocabulary = extensible(student.tokenizer)
    if subwords and not vocabulary.takes_subwords:
        raise ValueError("this tokenizer takes whole words only (WordPiece and Unigram ones take parts of words): use subwords=0.")
    restartable = _restartable(student, restart)
    alignment = alignment or WordAlignment.fit(pairs)
    english, foreign = (TextForms(side) for side in zip(*pairs, strict=True))
    report = VocabularyReport(vocabulary_before=vocabulary.size, running_words=len(foreign))
    embeddings = EnglishEmbeddings(vocabulary, student.get_input_embeddings().weight, english.counts)
    guard = EnglishGuard(vocabulary, english.counts, foreign.counts)

    units, nothing = units_of(
        vocabulary, foreign.counts, alignment, min_count=1 if subwords else min_count, whole=bool(restartable)
    )
    report.skip(_NOTHING, nothing)
    words = _choose(vocabulary, units, embeddings, report, min_count, max_words, top)
    parts = learn_parts(vocabulary, units, guard, words, subwords) if subwords else []
    kept, parts = guard.harmless(words, parts)
    report.skip(_ENGLISH, [units[word].count for word in sorted(set(words) - set(kept))])
    means = {word: units[word].translations for word in kept} | translations_of_parts(vocabulary, units, parts)
    old = _restarted(vocabulary, units, embeddings, guard, min_count, top, restartable)
    tokenizer = vocabulary.extended(kept, [part for part in parts if part in means])
    if not survives_reload(tokenizer, [f for _, f in pairs[:100]]):
        raise ValueError(f"{type(tokenizer).__name__} with new tokens is another tokenizer when it is saved and loaded.")
    _grow(student, tokenizer, [*means, *old], embeddings.weighted_means([*means.values(), *old.values()], top))
    _measure(report, vocabulary, tokenizer, guard, english)
    report.words_added, report.subwords_added, report.words_restarted = len(kept), len(means) - len(kept), len(old)
    logger.info("vocabulary adapted: %s words and %s sub-words added", f"{len(kept):,}", f"{report.subwords_added:,}")
    return report


def _choose(
    vocabulary: ExtensibleVocabulary,
    units: Mapping[str, Unit],
    embeddings: EnglishEmbeddings,
    report: VocabularyReport,
    min_count: int,
    max_words: int | None,
    top: int,
) -> list[str]:
    """Units to add, the most frequent first; the others in several pieces are reported."""
    chosen: list[str] = []
    skipped: dict[str, list[int]] = {}
    known = embeddings.known({key for u in units.values() if u.count >= min_count for key in list(u.translations)[:top]})
    for text, unit in sorted(units.items(), key=lambda item: (-item[1].count, item[0])):
        if vocabulary.is_whole(unit.pieces):
            continue
        if unit.count < min_count:
            reason = _RARE
        elif known.isdisjoint(list(unit.translations)[:top]):
            reason = _UNALIGNED
        elif unit.is_name:
            reason = _NAME
        elif max_words is not None and len(chosen) >= max_words:
            reason = _LIMIT
        else:
            chosen.append(text)
            continue
        skipped.setdefault(reason, []).append(unit.count)
    for reason, counts in skipped.items():
        report.skip(reason, counts)
    return chosen


def _restartable(student: OpticalStudentModel, restart: bool | None) -> set[int]:
    """Ids of the tokens whose embeddings may be started anew: all or none, or those that the student has from its teacher."""
    table = student.get_input_embeddings().weight
    if restart is not None:
        return set(range(len(table))) if restart else set()
    for teacher in student._teacher:
        if teacher.tokenizer.get_vocab().items() <= student.tokenizer.get_vocab().items():
            original = teacher.get_input_embeddings().weight.to(table)
            return set((table[: len(original)] == original).all(1).nonzero().flatten().tolist())
    return set()


def _restarted(
    vocabulary: ExtensibleVocabulary,
    units: Mapping[str, Unit],
    embeddings: EnglishEmbeddings,
    guard: EnglishGuard,
    min_count: int,
    top: int,
    allowed: Set[int],
) -> dict[str, Mapping[str, float]]:
    """Tokens there are for words of the language, more often used in it than in English, and their translations."""
    ids = vocabulary.tokenizer.get_vocab()
    whole = {
        unit.pieces[0]: unit
        for unit in units.values()
        if vocabulary.is_whole(unit.pieces) and unit.count >= min_count and unit.translations and not unit.is_name
    }
    known = embeddings.known({key for unit in whole.values() for key in list(unit.translations)[:top]})
    whole = {
        token: unit
        for token, unit in whole.items()
        if ids[token] in allowed and not known.isdisjoint(list(unit.translations)[:top])
    }
    tokens = guard.rarely_english({token: unit.count for token, unit in whole.items()}, _RESTART_TOLERANCE)
    return {token: whole[token].translations for token in tokens}


def _grow(student: OpticalStudentModel, tokenizer: PreTrainedTokenizerBase, pieces: Sequence[str], vectors: Tensor) -> None:
    """Make room for new tokens, set the embeddings of these and of those to start anew, and hand the student its new tokenizer."""
    ids = tokenizer.convert_tokens_to_ids(list(pieces))
    needed = 1 + max(tokenizer.get_vocab().values())
    if needed > student.get_input_embeddings().weight.shape[0]:  # some tables have rows to spare
        student.resize_token_embeddings(needed, mean_resizing=False)
        for config in (student.config.backbone_config, student.backbone.config):
            config.vocab_size = needed
    weight = student.get_input_embeddings().weight
    with torch.no_grad():
        weight[ids] = vectors.to(weight.device, weight.dtype)
    student.tokenizer = tokenizer


def _measure(
    report: VocabularyReport,
    vocabulary: ExtensibleVocabulary,
    tokenizer: PreTrainedTokenizerBase,
    guard: EnglishGuard,
    english: TextForms,
) -> None:
    backend = tokenizer.backend_tokenizer
    report.vocabulary_after = 1 + max(tokenizer.get_vocab().values())
    total = report.running_words or 1
    unknown = tokenizer.unk_token
    for when, spelt in (("before", vocabulary.spell(guard.foreign)), ("after", vocabulary.spell(guard.foreign, backend))):
        counted = list(zip(spelt, guard.foreign.values(), strict=True))
        setattr(report, f"pieces_per_word_{when}", sum(len(pieces) * count for pieces, count in counted) / total)
        setattr(report, f"share_covered_{when}", sum(count for p, count in counted if vocabulary.is_whole(p)) / total)
        setattr(report, f"unknown_words_{when}", sum(count for p, count in counted if unknown in p) / total)
    changed = guard.changed(backend)
    report.english_words_changed = english.share_of_words(changed)
    report.english_sentences_changed = english.share_of_texts(changed)
