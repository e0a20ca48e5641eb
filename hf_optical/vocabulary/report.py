"""What became of the words of a language when a vocabulary was adapted to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Skipped:
    """Words that were not added for one reason: how many, and how often they occur."""

    words: int = 0
    running: int = 0


@dataclass
class VocabularyReport:
    """Outcome of `adapt_vocabulary`. Shares are of running words: a word counts as often as it occurs.

    Attributes:
        vocabulary_before, vocabulary_after: number of tokens, markers included.
        words_added, subwords_added: new tokens for whole words, for parts of words.
        words_restarted: tokens there were for words of the language, whose embeddings were started anew.
        running_words: words of the non-English side.
        share_covered_before, share_covered_after: share of them that is one token.
        pieces_per_word_before, pieces_per_word_after: tokens per word of the non-English side.
        unknown_words_before, unknown_words_after: share of them with a part that the tokenizer does not know.
        english_words_changed: share of the English side's words that are cut otherwise than before.
        english_sentences_changed: share of the English sentences with such a word.
        skipped: why words in several pieces were not added.
    """

    vocabulary_before: int = 0
    vocabulary_after: int = 0
    words_added: int = 0
    subwords_added: int = 0
    words_restarted: int = 0
    running_words: int = 0
    share_covered_before: float = 0.0
    share_covered_after: float = 0.0
    pieces_per_word_before: float = 0.0
    pieces_per_word_after: float = 0.0
    unknown_words_before: float = 0.0
    unknown_words_after: float = 0.0
    english_words_changed: float = 0.0
    english_sentences_changed: float = 0.0
    skipped: dict[str, Skipped] = field(default_factory=dict)

    def skip(self, reason: str, counts: Iterable[int]) -> None:
        """Note words that were not added, by how often each occurs."""
        for count in counts:
            entry = self.skipped.setdefault(reason, Skipped())
            entry.words += 1
            entry.running += count

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)

    def table(self) -> str:
        """The figures as lines of text, for a terminal or a log.

        Example:
            >>> report = VocabularyReport(vocabulary_before=100, vocabulary_after=102, words_added=2, running_words=50)
            >>> report.skip("no alignment", [7])
            >>> print(report.table().splitlines()[-1])
            not added: no alignment                      1 (14.0 % of running words)
        """
        before_after = [
            ("tokens in the vocabulary", f"{self.vocabulary_before:,}", f"{self.vocabulary_after:,}"),
            ("pieces per word", f"{self.pieces_per_word_before:.2f}", f"{self.pieces_per_word_after:.2f}"),
            ("words that are one token", _percent(self.share_covered_before), _percent(self.share_covered_after)),
            ("words with an unknown part", _percent(self.unknown_words_before), _percent(self.unknown_words_after)),
        ]
        lines = [f"{'':<32}  {'before':>10}  {'after':>10}"]
        lines += [f"{name:<32}  {before:>10}  {after:>10}" for name, before, after in before_after]
        lines += [f"{'words added':<32}  {'':>10}  {self.words_added:>10,}"]
        lines += [f"{'sub-words added':<32}  {'':>10}  {self.subwords_added:>10,}"]
        lines += [f"{'words restarted':<32}  {'':>10}  {self.words_restarted:>10,}"]
        lines += [f"{'English words cut otherwise':<32}  {'':>10}  {_percent(self.english_words_changed, 3):>10}"]
        lines += [f"{'English sentences with one':<32}  {'':>10}  {_percent(self.english_sentences_changed, 2):>10}"]
        for reason, skipped in sorted(self.skipped.items(), key=lambda item: (-item[1].running, item[0])):
            share = _percent(skipped.running / self.running_words if self.running_words else 0.0)
            lines.append(f"{'not added: ' + reason:<40}  {skipped.words:>4,} ({share} of running words)")
        return "\n".join(lines)


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
