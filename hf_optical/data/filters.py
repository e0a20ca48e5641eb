"""Which sentence pairs are fit to train on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from .errors import DataError
from .text import comparison_key, has_bad_encoding, normalise_text

EMPTY_SIDE = "empty side"
BAD_ENCODING = "bad encoding"
TOO_SHORT = "too short"
TOO_LONG = "too long"
IDENTICAL = "identical sides"
LENGTH_RATIO = "length ratio"
EXCLUDED = "excluded sentence"
REPEATED = "repeated pair"


@dataclass(frozen=True)
class BitextFilter:
    """Conditions that a pair has to meet; a pair with an empty side never does. Lengths are in code points.

    Attributes:
        min_characters: Least length of each side.
        max_characters: Greatest length of each side; None for no bound.
        max_length_ratio: A pair is rejected where its length ratio, non-English over English, is more than so many
            times the expected ratio, or so many times less; None switches this off.
        relative_to_median: The expected ratio is the median of the data (languages differ in length), not 1.
        ratio_from_characters: Pairs whose longer side is shorter than this are not judged by ratio: in a few words it
            varies too much.
        drop_identical: Reject pairs whose two sides are the same but for case, punctuation and spacing.
        drop_bad_encoding: Reject pairs with U+FFFD, control characters or mojibake on either side.
        dedup: Keep only the first of pairs that are the same after normalisation.

    Example:
        >>> BitextFilter(max_characters=10).reason("a house", "nyumba kubwa sana")
        'too long'
    """

    min_characters: int = 1
    max_characters: int | None = 2000
    max_length_ratio: float | None = 3.0
    relative_to_median: bool = True
    ratio_from_characters: int = 20
    drop_identical: bool = True
    drop_bad_encoding: bool = True
    dedup: bool = True

    def __post_init__(self) -> None:
        if self.min_characters < 1:
            raise DataError(f"min_characters is {self.min_characters}", fix="an empty sentence has no translation: 1 or more")
        if self.max_characters is not None and self.max_characters < self.min_characters:
            problem = f"max_characters {self.max_characters} is less than min_characters {self.min_characters}"
            raise DataError(problem, fix="no pair could be kept: raise it, or give None")
        if self.max_length_ratio is not None and not (self.max_length_ratio >= 1 and math.isfinite(self.max_length_ratio)):
            raise DataError(f"max_length_ratio is {self.max_length_ratio}", fix="give 1 or more, or None for no bound")

    def reason(self, english: str, non_english: str, expected_ratio: float | None = None) -> str:
        """Why this pair, as read, is rejected; empty where it is kept. Repeated pairs are no concern of one pair.

        Args:
            english: The English side.
            non_english: The other side.
            expected_ratio: Length ratio that pairs should have (`expected_length_ratio`); None where it is not judged.
        """
        found, english, non_english = self.clean(english, non_english)
        return found or self.ratio_reason(english, non_english, expected_ratio)

    def clean(self, english: str, non_english: str) -> tuple[str, str, str]:
        """`(reason, english, non_english)`: both sides normalised, and why they are rejected, length ratio aside."""
        broken = self.drop_bad_encoding and (has_bad_encoding(english) or has_bad_encoding(non_english))
        english, non_english = normalise_text(english), normalise_text(non_english)
        reason = ""
        if broken:
            reason = BAD_ENCODING
        elif not english or not non_english:
            reason = EMPTY_SIDE
        elif min(len(english), len(non_english)) < self.min_characters:
            reason = TOO_SHORT
        elif self.max_characters is not None and max(len(english), len(non_english)) > self.max_characters:
            reason = TOO_LONG
        elif self.drop_identical and comparison_key(english) == comparison_key(non_english):
            reason = IDENTICAL
        return reason, english, non_english

    def ratio_reason(self, english: str, non_english: str, expected_ratio: float | None) -> str:
        """Whether a pair that `clean` kept has a length ratio too far from the expected one: the reason, or empty."""
        longer = max(len(english), len(non_english))
        if self.max_length_ratio is None or expected_ratio is None or longer < self.ratio_from_characters:
            return ""
        deviation = len(non_english) / len(english) / expected_ratio
        return LENGTH_RATIO if max(deviation, 1 / deviation) > self.max_length_ratio else ""

    def expected_length_ratio(self, pairs: Iterable[tuple[str, str]]) -> float | None:
        """The ratio that pairs should have: the median over `pairs`, which `clean` kept, or 1; None if unjudged."""
        if self.max_length_ratio is None:
            return None
        if not self.relative_to_median:
            return 1.0
        ratios = [len(non_english) / len(english) for english, non_english in pairs]
        return median(ratios) if ratios else 1.0
