import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.text import comparison_key, digest, has_bad_encoding, normalise_text

AWKWARD = st.text(alphabet="aé\u0301\u0650\u0627\u0628\u200b\u200c\u200d\u200e\u00ad\ufeff \t\r\n\u00a0\u2028\x00\x85\ud800क\u094d")


@given(st.one_of(st.text(), AWKWARD))
def test_normalising_is_idempotent_and_leaves_no_line_break(text):
    once = normalise_text(text)
    assert normalise_text(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == " ".join(once.split())
    assert once.encode().decode() == once
    assert not set(once) & set("\x00\u200b\u200e\u200f\u00ad\ufeff")


def test_zero_width_joiners_stay_where_they_spell():
    assert normalise_text("می\u200cخواهم") == "می\u200cخواهم"
    assert normalise_text("क\u094d\u200dष") == "क\u094d\u200dष"
    assert normalise_text("ki\u200ctabu \u200d") == "kitabu"


@pytest.mark.parametrize(
    "text",
    [
        "It’s “here” – 5 €…",
        "Þórður ÁÉÍ",
        "Spaß“",
        "CAFÉ’s",
        "ọmọ ẹlẹ́wà Yorùbá",
        "Ɓauna ƙasa",
        "Москва",
        "العربية",
        "日本",
        "A\tB\n",
    ],
)
def test_good_text_is_not_called_broken(text):
    assert not has_bad_encoding(text)


@pytest.mark.parametrize("text", ["It’s “here” – 5 €…", "café", "Österreich", "Москва", "العربية", "ọmọ ẹlẹ́wà", "naïve"])
@pytest.mark.parametrize("codec", ["cp1252", "latin-1"])
def test_mojibake_is_found(text, codec):
    broken = "".join(
        bytes([byte]).decode(codec if codec == "latin-1" or byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1")
        for byte in text.encode()
    )
    assert has_bad_encoding(broken)


@pytest.mark.parametrize("text", ["a\ufffdb", "a\x07b", "a\x00", "a\ud800", "a\x85b", "a\uffff"])
def test_characters_that_no_sentence_has(text):
    assert has_bad_encoding(text)


def test_comparison_ignores_case_punctuation_and_spacing_but_not_tone_marks():
    assert comparison_key("Nani  alianzisha FORD-Kenya?") == comparison_key("nani alianzisha Ford Kenya")
    assert comparison_key("ọkọ̀") != comparison_key("ọkọ")
    assert comparison_key("...") == "..."


@given(st.text(st.characters(max_codepoint=127)))
def test_comparison_of_ascii_is_the_general_one(text):
    # A letter beyond ASCII takes the general way.
    assert comparison_key(text + "é").removesuffix("é") == (key if (key := comparison_key(text)).isalnum() else "")


def test_digest_does_not_confuse_where_one_text_ends():
    assert digest("ab", "c") != digest("a", "bc")
    assert len(digest("a")) == 16
