"""A sentence as the Alignment tab sees it: pieces with their embeddings, and the words that they make up."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..data.sample_data import SAMPLE
from ..lexicon.words import split_words, word_key
from ..models import OpticalPreTrainedModel
from ..search.token_spans import NO_SPAN, Span, query_spans
from .errors import DemoError

SAMPLE_LANGUAGE = "sw"
# Scripts that are written without spaces: there a piece of the tokenizer stands for a word.
_UNSPACED = {"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"}
# What would turn the letters around it, in a label of its own or even outside of it.
_BIDI_CONTROLS = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = set("\u200c\u200d")

Rarity = Callable[[str], float]


@dataclass(frozen=True)
class Sentence:
    """One sentence, encoded as a query.

    Attributes:
        embeddings: `(pieces, embedding_dim)` float32.
        pieces: what is shown of each; "-ni" goes on within a word, "▁" is a piece that only begins one.
        words: what is shown of each word or punctuation mark.
        word_of: the index of the word that each piece belongs to.
        rest: what the encoder did not read, since the sentence is too long for it.
    """

    embeddings: Tensor
    pieces: tuple[str, ...]
    words: tuple[str, ...]
    word_of: tuple[int, ...]
    rest: str = ""

    def weights(self, kind: str, rarity: Rarity | None = None) -> Tensor:
        """How much each piece weighs, `(pieces,)`, up to a factor: `uniform`, `words`, `length` or `idf` (by `rarity`)."""
        counts = Counter(self.word_of)
        if kind == "words":
            return torch.tensor([1.0 / counts[word] for word in self.word_of])
        if kind == "length":
            return torch.tensor([float(max(1, len(piece.removeprefix("-")))) for piece in self.pieces])
        if kind == "idf" and rarity is not None:
            return torch.tensor([rarity(self.words[word]) / counts[word] for word in self.word_of])
        return torch.ones(len(self.pieces))

    def grouping(self, unit: str) -> tuple[tuple[str, ...], Tensor]:
        """Names of the units, `words` or `pieces`, and the (units, pieces) float64 matrix that adds pieces up."""
        if unit == "pieces":
            return self.pieces, torch.eye(len(self.pieces), dtype=torch.double)
        matrix = torch.zeros(len(self.words), len(self.pieces), dtype=torch.double)
        matrix[list(self.word_of), range(len(self.pieces))] = 1.0
        return self.words, matrix


def encode_sentence(model: OpticalPreTrainedModel, text: str, name: str) -> Sentence:
    """Encode a sentence as a query, without the tokens that stand for no word ([CLS], markers, [MASK]).

    Args:
        name: of the sentence, for the error.

    Raises:
        DemoError: it has no token.
    """
    embeddings = model.encode_query([text], show_progress_bar=False)[0]
    spans = query_spans(model.processor, [text])[0]
    kept = [i for i, span in enumerate(spans) if span != NO_SPAN]
    if not kept:
        raise DemoError(f"There is nothing in the {name} sentence that its encoder can read.")
    processor = model.processor
    ids = processor.token_ids([text], processor.query_marker, model.config.query_length)[0]
    places = word_spans(text)
    pieces, names, word_of, last = [], [], [], None
    for i in kept:
        start, stop = spans[i]
        # the space before a word may be in its span, or be a piece of its own
        start += len(text[start:]) - len(text[start:].lstrip()) if text[start:].strip() else 0
        at = next((k for k, (_, end) in enumerate(places) if start < end), len(places) - 1)
        alone = unicodedata.name(text[start], "").split(" ")[0] in _UNSPACED
        piece = printable(text[start : max(stop, start + 1)].strip())
        if i < len(ids) and not processor.tokenizer.convert_ids_to_tokens(ids[i]).strip("▁Ġ"):
            pieces.append("▁")  # only the sign that a word begins; its span is that of the letter behind it
        else:
            pieces.append("-" + piece if start > places[at][0] and not alone else piece)
        if alone or at != last:
            names.append(piece if alone else printable(text[slice(*places[at])]))
        last = None if alone else at
        word_of.append(len(names) - 1)
    rest = " ".join(text[max(spans[i][1] for i in kept) :].split())
    rest = rest if any(c.isalnum() for c in rest) else ""
    return Sentence(embeddings[kept].float(), tuple(pieces), tuple(names), tuple(word_of), rest)


def word_spans(text: str) -> list[Span]:
    """Spans of the words and of single punctuation marks.

    Example:
        >>> text = "Ng'ombe wangapi?"
        >>> [text[start:stop] for start, stop in word_spans(text)]
        ["Ng'ombe", 'wangapi', '?']
    """
    spans: list[Span] = []
    start = 0
    for piece, is_word in split_words(text):
        if is_word:
            spans.append((start, start + len(piece)))
        else:
            spans.extend((start + i, start + i + 1) for i, c in enumerate(piece) if not c.isspace())
        start += len(piece)
    return spans


def printable(text: str) -> str:
    """The text without characters that turn others around, and with a sign for those that cannot be shown."""
    kept = (c for c in text if c not in _BIDI_CONTROLS)
    return "".join(c if c.isprintable() or c in _JOINERS else "\ufffd" for c in kept) or "\ufffd"


def shortened(text: str, most: int) -> str:
    """At most so many characters, the last a sign that there were more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def text_width(text: str, size: float) -> float:
    """About how wide a text is in a font of this size, in the font's units; rather too wide than too narrow."""
    total = 0.0
    for c in text:
        if unicodedata.category(c) != "Mn":
            total += 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.98 if c in "mwMW@—" else 0.64
    return size * total


def rarity_of(sentences: Iterable[str]) -> Rarity:
    """Inverse document frequency of a word or punctuation mark, `log(1 + N / (1 + df))`, from N sentences.

    Example:
        >>> rarity = rarity_of(["maji safi", "maji ya mto"])
        >>> rarity("Maji") < rarity("mto") < rarity("ziwa")
        True
    """
    counts: Counter[str] = Counter()
    total = 0
    for sentence in sentences:
        counts.update({word_key(sentence[slice(*span)]) for span in word_spans(sentence)})
        total += 1
    return lambda word: float(torch.log1p(torch.tensor(total / (1.0 + counts[word_key(word)]))))


@cache
def sample_rarity() -> tuple[Rarity, Rarity]:
    """How rare English and Swahili words are among the sentences of the embedded sample."""
    with (SAMPLE / "bitext.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return rarity_of(row["english"] for row in rows), rarity_of(row["non_english"] for row in rows)
