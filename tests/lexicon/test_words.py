"""Words: nothing of a text is lost, and scripts with combining marks and inner apostrophes stay whole."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.lexicon import split_words, text_key, word_key, words

TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aNọ\u0300’'-‑ \u200c")), max_size=30)


@given(TEXTS)
def test_pieces_joined_are_the_text(text):
    pieces = split_words(text)
    assert "".join(piece for piece, _ in pieces) == text
    assert all(piece for piece, _ in pieces)
    assert [piece for piece, is_word in pieces if is_word] == words(text)
    # two pieces of punctuation never stand together: each would have been found longer
    assert not any(not a and not b for (_, a), (_, b) in pairwise(pieces))


@given(TEXTS)
def test_a_word_is_one_word_with_letters_and_no_space(text):
    for word in words(text):
        assert words(word) == [word]
        assert any(c.isalnum() for c in word)
        assert not any(c.isspace() for c in word)


@given(TEXTS)
def test_every_letter_and_digit_is_in_a_word(text):
    outside = "".join(piece for piece, is_word in split_words(text) if not is_word)
    assert not any(c.isalnum() for c in outside)


@given(TEXTS)
def test_keys_are_canonical(text):
    for word in words(text):
        key = word_key(word)
        assert word_key(key) == key == unicodedata.normalize("NFC", key)
        assert key == word_key(unicodedata.normalize("NFD", word)) == word_key(unicodedata.normalize("NFC", word))
    assert text_key(text_key(text)) == text_key(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ọ̀rọ̀ àwọn ènìyàn.", ["Ọ̀rọ̀", "àwọn", "ènìyàn"]),
        ("o\u0323\u0300ro\u0323\u0300", ["o\u0323\u0300ro\u0323\u0300"]),
        ("ng'ombe ng’ombe", ["ng'ombe", "ng’ombe"]),
        ("'yan ƙasar 'Ɗan'uwa' ɓata", ["yan", "ƙasar", "Ɗan'uwa", "ɓata"]),
        ("COVID-19 - well-known -x- rock'n'roll", ["COVID-19", "well-known", "x", "rock'n'roll"]),
        ("a--b a''b snake_case", ["a", "b", "a", "b", "snake", "case"]),
        ("हिन्दी में मुंबई", ["हिन्दी", "में", "मुंबई"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("\u0301abc", ["abc"]),
        ("3,5 km²", ["3", "5", "km²"]),
        ("... ?!", []),
        ("", []),
    ],
)
def test_words_of_many_languages(text, expected):
    assert words(text) == expected


def test_keys_fold_case_form_and_apostrophe():
    assert word_key("NG’OMBE") == word_key("ng'ombe") == "ng'ombe"
    assert word_key("co‑op") == "co-op"
    assert word_key("Straße") == word_key("STRASSE")
    assert word_key("o\u0323\u0300") == word_key("O\u0300\u0323") == "ọ\u0300"
    assert text_key("  The «Health worker»! ") == "the health worker"
