"""BM25 equals the textbook, and the suite's reference figures."""

import math
from collections import Counter

import pytest
from anyascii import anyascii
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data import load_retrieval
from hf_optical.evaluation import evaluate_bm25
from hf_optical.search import Bm25Index
from hf_optical.search.terms import latin, words

# suite/README.md, title+text: recall@10 and @100 of the English, then of the untranslated queries.
REFERENCE = {
    "sw": (0.803, 0.922, 0.420, 0.603),
    "ha": (0.779, 0.896, 0.433, 0.584),
    "yo": (0.858, 0.957, 0.577, 0.794),
    "ig": (0.875, 0.944, 0.665, 0.768),
}
WORDS = ["maji", "water", "Maize", "soko", "1987", "ẹ̀kọ́", "the", "Ɗan", "x"]


def textbook(documents, query, k1=0.9, b=0.4):
    """Robertson's formula with Lucene's idf, which is never negative."""
    lengths = [len(document) for document in documents]
    mean = sum(lengths) / len(lengths)
    scores = [0.0] * len(documents)
    for word in query:
        df = sum(word in document for document in documents)
        idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
        for i, document in enumerate(documents):
            tf = document.count(word)
            if tf:
                scores[i] += idf * tf / (tf + k1 * (1 - b + b * lengths[i] / mean))
    return scores


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=1, max_size=12),
    query=st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=6).map("? ".join),
)
def test_it_equals_the_textbook(texts, query):
    ids = [f"d{i}" for i in range(len(texts))]
    (found,) = Bm25Index(ids, texts).search([query], len(texts))
    if not any(words(text) for text in texts):
        assert found == []
        return
    expected = dict(zip(ids, textbook([words(text) for text in texts], words(query)), strict=True))
    assert dict(found) == pytest.approx({i: score for i, score in expected.items() if score > 0}, rel=1e-5)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def ngrams(text):
    """Written otherwise than in the package: every window of four letters of `_word_`, or all of a shorter one."""
    letters = ("".join(x for x in anyascii(c) if x.isalnum()) if c.isalpha() else anyascii(c) for c in text)
    spelt = [f"_{word}_" for word in words("".join(letters).lower())]
    return ["".join(four) for word in spelt for four in zip(*(word[i:] for i in range(4)), strict=False)] + [
        word for word in spelt if len(word) < 4
    ]


@given(
    texts=st.lists(st.lists(st.sampled_from([*WORDS, "вода", "y"]), max_size=12).map(" ".join), min_size=1, max_size=12),
    query=st.lists(st.sampled_from([*WORDS, "mají", "wader", "voda"]), max_size=6).map("? ".join),
)
def test_over_ngrams_it_equals_the_textbook(texts, query):
    ids = [f"d{i}" for i in range(len(texts))]
    (found,) = Bm25Index(ids, texts, ngrams=4).search([query], len(texts))
    if not any(ngrams(text) for text in texts):
        assert found == []
        return
    expected = dict(zip(ids, textbook([ngrams(text) for text in texts], ngrams(query)), strict=True))
    assert dict(found) == pytest.approx({i: score for i, score in expected.items() if score > 0}, rel=1e-5)


@pytest.mark.parametrize(
    ("typed", "letters"),
    [("Альберт", "albert"), ("подъезд", "podezd"), ("ng'ombe", "ng'ombe"), ("ng’ombe", "ng'ombe"), ("Ɗan-Tàlà", "dan-tala")],
)
def test_signs_of_letters_without_a_sound_part_no_words(typed, letters):
    assert latin(typed) == letters


def test_ngrams_find_what_is_spelt_almost_alike():
    texts = ["Vegetation of the lake", "The Denver Broncos won", "Rain in Ogbomoso", "Wälder"]
    typed = ["la vegetación", "Бронкоса", "Ògbómọ̀ṣọ́", "walder"]
    assert [found and found[0][0] for found in Bm25Index(list("abcd"), texts).search(typed)] == [[], [], [], []]
    assert [found[0][0] for found in Bm25Index(list("abcd"), texts, ngrams=4).search(typed)] == list("abcd")
    for wrong in (-1, 1):
        with pytest.raises(ValueError, match=rf"ngrams must be 0 \(words\) or 2 and more, got {wrong}"):
            Bm25Index([], [], ngrams=wrong)


def test_words():
    assert words("The ẸKỌ́ of Ɗan-Tàlà, in 1987!") == ["ẹkọ", "ɗan", "tàlà", "1987"]  # \w leaves a combining accent out
    assert words("Wakulima huhifadhi mahindi wapi?") == ["wakulima", "huhifadhi", "mahindi", "wapi"]


def test_ties_come_in_the_order_of_the_documents():
    index = Bm25Index(list("abcd"), ["maize", "water", "maize", "maize"])
    assert [i for i, _ in index.search(["maize"], 2)[0]] == ["a", "c"]


def test_a_repeated_word_counts_each_time():
    index = Bm25Index(["a", "b"], ["maize beans", "water"])
    (once,), (twice,) = index.search(["maize", "maize maize"], 1)
    assert twice[1] == pytest.approx(2 * once[1])


@pytest.mark.parametrize("query", ["", "?!", "the of", "isiyojulikana"])
def test_a_query_without_a_known_word_finds_nothing(query):
    assert Bm25Index(["a"], ["maize"]).search([query, "maize"], 5)[0] == []


@pytest.mark.parametrize("texts", [[], [""], ["the", "of!"]])
def test_documents_without_words_are_not_found(texts):
    index = Bm25Index([f"d{i}" for i in range(len(texts))], texts)
    assert index.search(["the maize"], 5) == [[]]
    assert len(index) == len(texts)


@pytest.mark.parametrize(
    ("ids", "texts", "message"),
    [(["a"], ["x", "y"], "1 ids, but 2 texts"), (["a", "a"], ["x", "y"], "unique, but 'a' occurs twice")],
)
def test_bad_documents_are_refused(ids, texts, message):
    with pytest.raises(ValueError, match=message):
        Bm25Index(ids, texts)


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=1, max_size=12),
    query=st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join),
    kept=st.sets(st.integers(0, 11)),
    k=st.integers(1, 12),
)
def test_only_what_is_kept_is_ranked_by_the_scores_of_the_whole(texts, query, kept, k):
    index = Bm25Index([str(i) for i in range(len(texts))], texts)
    (everything,) = index.search([query], len(texts))
    expected = [(i, score) for i, score in everything if int(i) in kept][:k]
    assert index.search([query], k, keep=lambda i: int(i) in kept) == [expected]


def test_k_below_one_is_refused():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        Bm25Index(["a"], ["maize"]).search(["maize"], 0)


@pytest.fixture(scope="module")
def index_of_the_suite(suite):
    collection = load_retrieval(suite / "retrieval" / "sw-en", corpus=suite / "corpus.jsonl.gz")
    return Bm25Index(collection.corpus_ids, collection.corpus_texts)


@pytest.mark.parametrize("language", REFERENCE)
def test_the_reference_of_the_suite(suite, index_of_the_suite, language):
    """The reference names no stopwords, which leaves a query or two to either side."""
    collection = load_retrieval(suite / "retrieval" / f"{language}-en", corpus=suite / "corpus.jsonl.gz")
    figures = []
    for english in (True, False):
        result = evaluate_bm25(index_of_the_suite, collection, english=english, k=(10, 100))
        figures += [result.metrics["recall@10"], result.metrics["recall@100"]]
    english, untranslated = figures[:2], figures[2:]
    assert english == pytest.approx(REFERENCE[language][:2], abs=0.01)
    assert untranslated == pytest.approx(REFERENCE[language][2:], abs=0.003)


def test_the_textbook_on_the_suite(suite, index_of_the_suite):
    """One real query, scored by hand over the whole collection."""
    collection = load_retrieval(suite / "retrieval" / "sw-en", corpus=suite / "corpus.jsonl.gz")
    query = collection.english[collection.query_ids[0]]
    bags = [Counter(words(text)) for text in collection.corpus_texts]
    lengths = [bag.total() for bag in bags]
    mean = sum(lengths) / len(lengths)
    scores = dict.fromkeys(collection.corpus_ids, 0.0)
    for word in words(query):
        df = sum(word in bag for bag in bags)
        idf = math.log(1 + (len(bags) - df + 0.5) / (df + 0.5))
        for i, bag, length in zip(scores, bags, lengths, strict=True):
            scores[i] += idf * bag[word] / (bag[word] + 0.9 * (0.6 + 0.4 * length / mean))
    for i, score in index_of_the_suite.search([query], 100)[0]:
        assert score == pytest.approx(scores[i], rel=1e-4)
