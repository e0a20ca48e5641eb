"""Tokenizers whose vocabulary can grow while every known token keeps its id, now and after saving and loading."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Tokenizer
from transformers import AddedToken, AutoTokenizer, PreTrainedTokenizerBase

# The smallest margin by which a new piece of a Unigram model beats its own parts, per squared character.
_MARGIN = 1e-3
# What tokenizers' Unigram model takes off the lowest score for a character that it does not know.
_UNKNOWN_PENALTY = 10.0
_PROBE = "maji safi"


class ExtensibleVocabulary:
    """A tokenizer and what can be added to it; the tokenizer itself stays as it is.

    A *form* is a word as a text has it, with the space before it if there is one (" maji"). Its *unit* is the name of the token
    that stands for the whole word: what the tokenizer's model is given for it (`▁maji`), or, where the tokenizer takes it for
    several words (`n'ime`), the word itself. The latter are taken out of the text before the model sees it.

    Args:
        tokenizer: a fast tokenizer.
    """

    # whether parts of words can be added too
    takes_subwords = True

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.size = 1 + max(tokenizer.get_vocab().values())
        self._backend = _uncut(Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()))
        self._unknown = tokenizer.unk_token
        normalizer = self._backend.normalizer
        # found in the normalised text where case is not told apart; elsewhere as it stands, whatever is done to its spaces
        self._normalized = normalizer is not None and normalizer.normalize_str("A").strip() != "A"
        self._taken_out: set[str] = set()

    def unit(self, form: str) -> str | None:
        """The unit of a form; None where nothing is left of the form."""
        found = self._model_units(form)
        if len(found) <= 1:
            return found[0] if found else None
        word = self._normalise(form).strip() if self._normalized else form.strip()
        self._taken_out.add(word)
        return word

    def spell(self, forms: Sequence[str], backend: Tokenizer | None = None) -> list[list[str]]:
        """Pieces of each form, as the tokenizer (or an extended one) has them."""
        backend = self._backend if backend is None else backend
        token_of = {i: token for token, i in backend.get_vocab().items()}
        return [[token_of[i] for i in found.ids] for found in backend.encode_batch_fast(list(forms), add_special_tokens=False)]

    def ids(self, forms: Sequence[str]) -> list[list[int]]:
        """As `spell`: ids, without those of the unknown token."""
        unknown = self.tokenizer.unk_token_id
        found = self._backend.encode_batch_fast(list(forms), add_special_tokens=False)
        return [[i for i in encoding.ids if i != unknown] for encoding in found]

    def is_whole(self, pieces: Sequence[str]) -> bool:
        """Whether these pieces of a form are one token that stands for it."""
        return len(pieces) == 1 and pieces[0] != self._unknown

    def backend_with(self, words: Sequence[str], parts: Sequence[str] = ()) -> Tokenizer:
        """The tokenizer of the `tokenizers` library with new tokens, whose ids follow on those there are.

        Args:
            words: units.
            parts: parts of units, as `join` makes them.

        Raises:
            ValueError: a token is in the vocabulary already, or given twice.
        """
        known = self.tokenizer.get_vocab()
        seen: set[str] = set()
        for token in (*words, *parts):
            if token in known or token in seen:
                raise ValueError(f"token {token!r} is in the vocabulary already, or given twice.")
            seen.add(token)
        settings = json.loads(self._backend.to_str())
        inside = [*parts, *(word for word in words if not self._is_taken_out(word))]
        new = {token: self.size + i for i, token in enumerate(inside)}
        self._add(settings["model"], {**self._added_outside(settings), **new} if new else {})
        backend = Tokenizer.from_str(json.dumps(settings))
        outside = [word for word in words if word not in new]
        backend.add_tokens([AddedToken(word, single_word=True, lstrip=True, normalized=self._normalized) for word in outside])
        return backend

    def extended(self, words: Sequence[str], parts: Sequence[str] = ()) -> PreTrainedTokenizerBase:
        """The tokenizer with new tokens. Raises ValueError as `backend_with`."""
        result = copy.deepcopy(self.tokenizer)
        result._tokenizer = self.backend_with(words, parts)
        return result

    def join(self, pieces: Sequence[str]) -> str:
        """The token for neighbouring pieces of a unit."""
        return "".join(pieces)

    def _add(self, model: dict[str, Any], pieces: dict[str, int]) -> None:
        """Put tokens with these ids, which follow on each other, into the settings of the model."""

    def _is_taken_out(self, word: str) -> bool:
        """Whether a new word is looked for in the text, rather than known to the model."""
        return word in self._taken_out

    def _normalise(self, text: str) -> str:
        return self._backend.normalizer.normalize_str(text) if self._backend.normalizer else text

    def _model_units(self, form: str) -> list[str]:
        """What the model is given for a form."""
        text, splitter = self._normalise(form), self._backend.pre_tokenizer
        return [unit for unit, _ in splitter.pre_tokenize_str(text)] if splitter else [text]

    def _added_outside(self, settings: dict[str, Any]) -> dict[str, int]:
        """Tokens, such as `[Q] `, that are not in the model's vocabulary: on loading they would be numbered anew behind it."""
        vocabulary = settings["model"]["vocab"]
        known = vocabulary if isinstance(vocabulary, dict) else {piece for piece, _ in vocabulary}
        return {t["content"]: t["id"] for t in sorted(settings["added_tokens"], key=lambda t: t["id"]) if t["content"] not in known}


class WordPieceVocabulary(ExtensibleVocabulary):
    """BERT's: the longest known beginning of a unit is its first piece, and so on with the rest, written `##rest`.

    Known to the model, `kazi` would be the beginning of the name `Kazimierz` too. So all new words are taken out of the text, where
    they are found as whole words only, and the pieces of all others stay as they are.
    """

    def _is_taken_out(self, word: str) -> bool:
        return True

    def join(self, pieces: Sequence[str]) -> str:
        prefix = self._backend.model.continuing_subword_prefix
        return pieces[0] + "".join(piece.removeprefix(prefix) for piece in pieces[1:])

    def _add(self, model: dict[str, Any], pieces: dict[str, int]) -> None:
        model["vocab"].update(pieces)


class UnigramVocabulary(ExtensibleVocabulary):
    """SentencePiece's (XLM-R): of all ways to cut a text into pieces, the one with the highest sum of scores.

    A new piece scores the best sum of its parts and a margin that grows with the square of its length: `(a + b)^2 > a^2 + b^2`, so
    that it wins over whatever other new pieces it is made of as well.
    """

    def _add(self, model: dict[str, Any], pieces: dict[str, int]) -> None:
        scores = dict(model["vocab"])
        lowest = min(scores.values())
        new = [piece for piece, i in pieces.items() if i >= self.size]
        for piece in pieces.keys() - set(new):
            scores[piece] = lowest
        for piece, parts in zip(new, self._parts(new), strict=True):
            known = [part for part in parts if part in scores and part != self._unknown]
            unknown = len(piece) - sum(map(len, known))
            scores[piece] = sum(scores[p] for p in known) + unknown * (lowest - _UNKNOWN_PENALTY) + _MARGIN * len(piece) ** 2
        model["vocab"] += [[piece, scores[piece]] for piece in pieces]

    def _parts(self, pieces: Sequence[str]) -> list[list[str]]:
        """How the model cuts pieces: given to it as they are, without normaliser and pre-tokeniser."""
        return [[token.value for token in self._backend.model.tokenize(piece)] for piece in pieces]


class BytePairVocabulary(ExtensibleVocabulary):
    """Byte-pair encoding of units (ModernBERT): a unit that is a token itself is taken whole, before any merge is tried."""

    takes_subwords = False

    def _add(self, model: dict[str, Any], pieces: dict[str, int]) -> None:
        model["vocab"].update(pieces)
        model["ignore_merges"] = True


class AddedTokenVocabulary(ExtensibleVocabulary):
    """Any other tokenizer: all new words are taken out of the text."""

    takes_subwords = False

    def unit(self, form: str) -> str | None:
        return (self._normalise(form).strip() if self._normalized else form.strip()) or None

    def _is_taken_out(self, word: str) -> bool:
        return True


def extensible(tokenizer: PreTrainedTokenizerBase) -> ExtensibleVocabulary:
    """The way in which this tokenizer can be extended.

    Raises:
        ValueError: it is not a fast tokenizer.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError(f"{type(tokenizer).__name__} is no fast tokenizer: only one with a tokenizer.json can be extended.")
    backend = tokenizer.backend_tokenizer
    model = json.loads(backend.to_str())["model"]
    kinds = {"WordPiece": WordPieceVocabulary, "Unigram": UnigramVocabulary, "BPE": BytePairVocabulary}
    kind = kinds.get(model.get("type"), AddedTokenVocabulary)
    contiguous = sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer.get_vocab())))
    splits = backend.pre_tokenizer is not None and len(backend.pre_tokenizer.pre_tokenize_str(_PROBE)) > 1
    if kind is WordPieceVocabulary or (kind is UnigramVocabulary and contiguous):
        return kind(tokenizer)
    if kind is BytePairVocabulary and splits:
        vocabulary = kind(tokenizer)
        first, second = _PROBE.split()
        # some tokenizer classes build their model anew when loaded, and not with all of its settings
        if survives_reload(vocabulary.extended([vocabulary.unit(f" {first}") + second]), [f" {first}{second}"]):
            return vocabulary
    return AddedTokenVocabulary(tokenizer)


def survives_reload(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> bool:
    """Whether the tokenizer, saved and loaded as a model's is, has the same ids and gives these texts the same."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        again = AutoTokenizer.from_pretrained(folder)
    return again.get_vocab() == tokenizer.get_vocab() and all(
        again(text)["input_ids"] == tokenizer(text)["input_ids"] for text in texts
    )


def _uncut(backend: Tokenizer) -> Tokenizer:
    """The tokenizer, neither cutting nor filling up."""
    backend.no_truncation()
    backend.no_padding()
    return backend
