"""Words of texts, and matches of words from matches of tokens."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hf_optical.demo.words import WordMatch, word_at, word_matches, words_of
from hf_optical.search import Hit, TokenMatch


@given(st.text(max_size=60))
def test_words_stand_where_they_say(text):
    found = words_of(text)
    assert all(text[word.start : word.end] == word.text for word in found)
    assert all(first.end <= second.start for first, second in pairwise(found))


def test_the_word_of_a_token():
    words = words_of("ng'ombe wetu, hapa")
    assert word_at(words, (0, 2)) == 0
    assert word_at(words, (3, 7)) == 0
    assert word_at(words, (7, 9)) == 1  # a token that begins with the space before its word
    assert word_at(words, (12, 13)) is None  # the comma
    assert word_at(words, (0, 0)) is None  # [CLS]


def test_a_pair_of_words_has_its_best_pair_of_tokens():
    text = "Maize stores well"
    tokens = [
        TokenMatch((0, 3), "mah", (0, 5), "Maize", 0.4),
        TokenMatch((3, 7), "indi", (0, 5), "Maize", 0.9),
        TokenMatch((3, 7), "indi", (13, 17), "well", 0.2),
        TokenMatch((8, 12), "gani", (0, 2), "Ma", 0.3),
        TokenMatch((12, 13), "?", (6, 12), "stores", 0.8),  # punctuation is no word
        TokenMatch((8, 12), "gani", None, "", 0.7),  # what stands nowhere in the passage
    ]
    found = word_matches(words_of("mahindi gani?"), Hit("d", 1.0, text, {}, tokens))
    assert found == [WordMatch(0, (0, 5), 0.9), WordMatch(1, (0, 5), 0.3), WordMatch(0, (13, 17), 0.2)]
