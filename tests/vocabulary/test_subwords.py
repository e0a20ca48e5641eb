"""Sub-words are learnt as byte-pair encoding has it, and never from pairs that are protected."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.vocabulary.subwords import learn_subwords


def plain_bpe(words, count):
    """Sennrich et al.'s algorithm: all pairs counted anew in every step; of equal ones the first in alphabetical order."""
    split, learnt = {pieces: list(pieces) for pieces in words}, []
    while len(learnt) < count:
        pairs = Counter()
        for pieces, weight in words.items():
            for pair in pairwise(split[pieces]):
                pairs[pair] += weight
        if not pairs or max(pairs.values()) < 2:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if "".join(best) not in learnt:
            learnt.append("".join(best))
        for pieces in split.values():
            i = 0
            while i < len(pieces) - 1:
                if (pieces[i], pieces[i + 1]) == best:
                    pieces[i : i + 2] = ["".join(best)]
                i += 1
    return learnt


WORDS = st.dictionaries(st.text("abc", min_size=1, max_size=8).map(tuple), st.integers(1, 5), max_size=12)


@given(words=WORDS, count=st.integers(1, 12))
def test_as_plain_byte_pair_encoding(words, count):
    assert learn_subwords(words, {}, count, "".join, []) == plain_bpe(words, count)


@given(words=WORDS, protected=WORDS)
def test_protected_words_are_never_joined(words, protected):
    for piece in learn_subwords(words, protected, 20, "".join, []):
        assert not any(pieces[i : i + 2] == tuple(piece) for pieces in protected for i in range(len(pieces)))


def test_known_tokens_are_joined_but_not_learnt():
    assert learn_subwords({tuple("abc"): 3}, {}, 5, "".join, ["ab"]) == ["abc"]


@pytest.mark.parametrize(("tolerance", "learnt"), [(0.0, []), (0.5, ["ab"])])
def test_tolerance(tolerance, learnt):
    assert learn_subwords({("a", "b"): 4}, {("a", "b"): 2}, 5, "".join, [], tolerance=tolerance) == learnt
