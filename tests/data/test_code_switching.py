"""Code-switching: reproducible in any order, at the rate asked for, and nothing of the text lost."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data import DataError
from hf_optical.data.code_switching import CodeSwitcher, Switched, with_case_of
from hf_optical.data.files import read_json_lines
from hf_optical.lexicon import Lexicon, words

SW = Lexicon(
    "sw",
    {
        "water": {"maji": 1.0},
        "health": {"afya": 1.0},
        "health worker": {"mhudumu wa afya": 1.0},
        "health worker union": {"chama": 1.0},
        "free": {"huru": 3.0, "bure": 1.0},
    },
)
HA = Lexicon("ha", {"water": {"ruwa": 1.0}, "brother": {"ɗan'uwa": 1.0}})
TEXTS = st.lists(st.sampled_from(["water", "Health", "worker", "FREE", "brother", "x", ",", "-", "’s"]), max_size=12).map(" ".join)


def everything(lexicon=SW, seed=0):
    return CodeSwitcher(lexicon, probability=1.0, seed=seed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Clean water!", ("Clean maji!", 1, 2)),
        ("WATER, Water; water", ("MAJI, Maji; maji", 3, 3)),
        ("the health  worker's health worker", ("the afya  worker's mhudumu wa afya", 3, 5)),
        ("health\nworker", ("mhudumu wa afya", 2, 2)),
        ("health, worker", ("afya, worker", 1, 2)),
        ("health-worker", ("health-worker", 0, 1)),
        ("health worker union", ("chama", 3, 3)),
        ("health worker unions", ("mhudumu wa afya unions", 2, 3)),
        ("Health Worker health", ("Mhudumu Wa Afya afya", 3, 3)),
        ("... (?)", ("... (?)", 0, 0)),
        ("", ("", 0, 0)),
    ],
)
def test_longest_entry_first_with_case_and_punctuation_kept(text, expected):
    assert everything().switch(text, key=0) == Switched(*expected)


@pytest.mark.parametrize(
    ("english", "translation", "expected"),
    [
        (["I"], "mimi", "Mimi"),
        (["god"], "Mungu", "Mungu"),
        (["iPhone"], "simu", "simu"),
        (["COVID-19"], "uviko", "UVIKO"),
        (["Brother"], "'yar uwa", "'Yar uwa"),
        (["New", "York"], "jiji la york", "Jiji La York"),
        (["Ọ̀rọ̀"], "ọ̀rọ̀", "Ọ̀rọ̀"),
        (["2"], "mbili", "mbili"),
        (["Street"], "...", "..."),
    ],
)
def test_case(english, translation, expected):
    assert with_case_of(english, translation) == expected


@given(st.lists(st.tuples(TEXTS, st.integers(0, 5)), max_size=8), st.randoms(use_true_random=False), st.floats(0, 1))
def test_the_same_whatever_the_order(items, rng, probability):
    one, other = (CodeSwitcher([SW, HA], probability, seed=3) for _ in range(2))
    expected = {item: one.switch(*item) for item in items}
    assert {item: other.switch(*item) for item in rng.sample(items, len(items))} == expected
    assert one.report() == other.report()


@given(TEXTS, st.floats(0, 1), st.integers(0, 9))
def test_counts_and_what_stays(text, probability, key):
    switcher = CodeSwitcher([SW, HA], probability, seed=1)
    result = switcher.switch(text, key)
    report = switcher.report()
    assert result.words == len(words(text)) == report["words"]
    assert 0 <= result.switched == report["switched_words"] <= report["known_words"] <= report["words"]
    assert sum(part["switched_words"] for part in report["languages"].values()) == result.switched
    if probability == 0:
        assert result.text == text
    assert re.sub(r"[^,’-]", "", result.text) == re.sub(r"[^,’-]", "", text)
    assert re.sub(r"[^x]", "", result.text) == "x" * text.count("x")


def test_every_known_word_at_the_rate_asked_for():
    switcher = CodeSwitcher(SW, 0.3, seed=0)
    switched = sum(switcher.switch("water x", key).switched for key in range(5000))
    assert abs(switched / 5000 - 0.3) < 5 * (0.3 * 0.7 / 5000) ** 0.5
    report = switcher.report()
    assert (report["words"], report["known_words"], report["texts"]) == (10000, 5000, 5000)
    assert report["switched_share"] == switched / 10000
    assert report["known_share"] == 0.5


def test_translations_by_weight_and_languages_evenly():
    found = Counter(everything().switch("free", key).text for key in range(4000))
    assert abs(found["huru"] / 4000 - 0.75) < 0.035
    both = everything([SW, HA])
    found = Counter(both.switch("water", key).text for key in range(4000))
    assert found.keys() == {"maji", "ruwa"}
    assert abs(found["maji"] / 4000 - 0.5) < 0.04
    # a word that one language knows goes to that language
    assert both.switch("brother health", 0).text == "ɗan'uwa afya"
    languages = both.report()["languages"]
    assert languages["sw"]["known_words"] == 4001
    assert languages["ha"]["known_words"] == 4001
    assert languages["ha"]["switched_words"] == found["ruwa"] + 1


def test_words_of_one_sentence_go_to_several_languages():
    texts = everything([SW, HA]).switch_all(["water water water water"] * 20)
    assert any("maji" in text and "ruwa" in text for text in texts)


def test_seed_key_and_text_each_matter():
    text = " ".join(["water"] * 40)
    half = CodeSwitcher(SW, 0.5, seed=0)
    assert half.switch(text, 1) != half.switch(text, 2)
    assert half.switch(text, 1) != CodeSwitcher(SW, 0.5, seed=1).switch(text, 1)
    assert half.switch_all([text, text]) == [half.switch(text, 0).text, half.switch(text, 1).text]


def test_the_order_of_the_lexicons_does_not_matter():
    texts = ["free water for my brother"] * 30
    assert CodeSwitcher([SW, HA], 0.5, 0).switch_all(texts) == CodeSwitcher([HA, SW], 0.5, 0).switch_all(texts)


def test_pinned_so_that_data_made_earlier_can_be_made_again():
    switcher = CodeSwitcher([SW, HA], 0.5, seed=42)
    assert switcher.switch_all(["Free water for the health worker and my brother."] * 3) == [
        "Free water for the mhudumu wa afya and my ɗan'uwa.",
        "Free ruwa for the health worker and my brother.",
        "Huru water for the health worker and my brother.",
    ]


def test_translations_spelt_like_the_english_are_counted():
    switcher = everything(Lexicon("sw", {"kenya": {"kenya": 1.0}, "water": {"maji": 1.0}}))
    assert switcher.switch("water in Kenya", 0) == Switched("maji in Kenya", 2, 3)
    assert switcher.report()["spelt_alike_words"] == 1


@pytest.mark.parametrize(
    ("lexicons", "probability", "words"),
    [
        ([], 0.5, "no lexicon"),
        ([SW, SW], 0.5, "two lexicons of 'sw'"),
        (SW, -0.1, "from 0 to 1"),
        (SW, 1.01, "from 0 to 1"),
        (SW, float("nan"), "from 0 to 1"),
    ],
)
def test_bad_arguments(lexicons, probability, words):
    with pytest.raises(DataError, match=words):
        CodeSwitcher(lexicons, probability, 0)


def test_real_queries(suite):
    queries = [line.record["query"] for line in read_json_lines(suite / "teacher" / "dev.jsonl")]
    lexicons = [Lexicon.read(suite / "lexicon" / f"{code}.tsv", code) for code in ("sw", "es", "yo")]
    switcher = CodeSwitcher(lexicons, 0.5, seed=0)
    switched = switcher.switch_all(queries)
    report = switcher.report()
    assert len(switched) == len(queries) == report["texts"]
    assert report["words"] == sum(len(words(query)) for query in queries)
    assert 0.4 < report["known_share"] < 0.9
    assert report["switched_share"] == pytest.approx(report["known_share"] / 2, abs=0.03)
    assert all(part["switched_words"] > 0 for part in report["languages"].values())
