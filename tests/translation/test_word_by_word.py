from __future__ import annotations

from collections import Counter

import pytest

from hf_optical.data import DataError
from hf_optical.lexicon import Lexicon, WordAlignment
from hf_optical.translation import WordByWord


@pytest.fixture
def alignment() -> WordAlignment:
    """`ya` is common and hardly linked; `hand` is a German-like word with its own spelling among its translations."""
    english = {
        "maji": {"water": 0.6, "drink": 0.4},
        "ya": {"of": 0.5, "the": 0.4},
        "rais": {"president": 1.0},
        "hand": {"palm": 0.6, "hand": 0.4},
        "kenya": {"kenya": 0.9, "kenyan": 0.1},
        "art": {"kind": 0.9},
        "nadra": {"rare": 1.0},
        "tupu": {},
    }
    back = {"water": {"maji": 0.1}, "drink": {"maji": 0.9}, "of": {"ya": 0.2}, "president": {"rais": 1.0}, "kenya": {"kenya": 1.0}}
    foreign = Counter({"maji": 10, "ya": 100, "rais": 10, "hand": 10, "kenya": 10, "art": 10, "nadra": 1, "tupu": 3})
    links = {"water": {"maji": 8}, "of": {"ya": 5}, "president": {"rais": 9}, "hand": {"hand": 9}, "kenya": {"kenya": 9}}
    return WordAlignment(english, back, Counter({"art": 5, "hand": 5}), foreign, links, {}, {})


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({}, "Maji ya Rais, 2020!", "water of president, 2020!"),
        ({"reverse_weight": 1.0}, "maji", "drink"),
        ({"min_linked": 0.1}, "maji  ya rais", "water president"),
        ({"min_count": 2}, "nadra maji", "nadra water"),
        ({}, "nadra maji", "rare water"),
        ({}, "rais wa KENYA", "president wa KENYA"),  # a spelling that is its own translation stays as it is
        ({}, "maji Hand", "water Hand"),  # a name
        ({}, "Hand maji hand", "palm water palm"),  # no name: at the beginning; in lower case
        ({}, "maji Art", "water kind"),  # English has such a word, but it is not a translation
        ({}, "Tupu?", "Tupu?"),
        ({}, "", ""),
    ],
)
def test_words_are_replaced(alignment, options, text, expected):
    assert WordByWord(alignment, **options).translate([text]) == [expected]


ENTRIES = {
    "health care": {"huduma ya afya": 1.0},
    "service": {"huduma": 1.0},
    "health": {"afya": 2.0},
    "wellness": {"afya": 1.0},
    "name": {"jina": 1.0},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Huduma ya afya bora", "health care bora"),
        ("huduma  YA Afya", "health care"),  # whatever the case and the spaces
        ("huduma ya, afya", "service ya, health"),  # no entry goes beyond a comma
        ("huduma ya", "service ya"),
        ("(afya) huduma ya afya.", "(health) health care."),
        ("JINA la Kenya?", "name la Kenya?"),
    ],
)
def test_longest_entry_of_a_lexicon_first(text, expected):
    assert WordByWord.from_lexicon(Lexicon("sw", ENTRIES)).translate([text]) == [expected]


def test_lexicon_comes_before_the_alignment(alignment):
    lexicon = Lexicon("sw", {"chief": {"rais": 1.0}, "glove": {"hand": 1.0}})
    assert WordByWord(alignment, lexicon=lexicon).translate(["rais ya maji, Hand"]) == ["chief of water, glove"]


def test_learned_from_pairs():
    pairs = [("the lion drinks", "simba hunywa"), ("the lion", "simba"), ("the child drinks", "mtoto hunywa"), ("child", "mtoto")]
    translator = WordByWord(WordAlignment.fit(pairs, iterations=20))
    assert translator.translate(["Mtoto na simba hunywa."]) == ["child na lion drinks."]


@pytest.mark.parametrize("options", [{"reverse_weight": -1}, {"min_count": -1}, {"min_linked": float("nan")}])
def test_bad_options(alignment, options):
    with pytest.raises(DataError, match=next(iter(options))):
        WordByWord(alignment, **options)


def test_nothing_to_translate_by():
    with pytest.raises(DataError, match="neither an alignment nor a lexicon"):
        WordByWord(None)
