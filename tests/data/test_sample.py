"""The embedded sample is what its documentation says, and tests what it claims to test."""

import json
import re
import unicodedata
from collections import Counter

import pytest

from hf_optical.data import load_bitext
from hf_optical.data.sample_data import SAMPLE, sample_bitext, sample_collection, sample_triples
from hf_optical.data.text import comparison_key, has_bad_encoding, normalise_text

SUBJECTS = {"health", "farming", "travel", "history", "market"}
FILES = ("bitext.tsv", "corpus.jsonl", "queries.jsonl", "teacher.jsonl", "qrels/dev.tsv", "qrels/test.tsv")


def records(name):
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def bitext():
    return sample_bitext()


@pytest.fixture(scope="module")
def triples():
    return sample_triples()


@pytest.fixture(scope="module")
def collections():
    return {split: sample_collection(split) for split in ("dev", "test")}


def pairs(bitext):
    return list(zip(bitext.dataset["english"], bitext.dataset["non_english"], strict=True))


def test_no_file_is_missing_or_too_much():
    assert {str(path.relative_to(SAMPLE)) for path in SAMPLE.rglob("*") if path.is_file()} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_files_are_clean_text(name):
    data = (SAMPLE / name).read_bytes()
    text = data.decode("utf-8")
    assert b"\r" not in data
    assert data.endswith(b"\n")
    assert not data.endswith(b"\n\n")
    assert text == unicodedata.normalize("NFC", text)
    odd = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp") and c not in "\n\t"}
    assert not odd, f"control or invisible characters: {odd}"
    assert not has_bad_encoding(text)


def test_every_text_is_normalised(bitext):
    texts = [text for pair in pairs(bitext) for text in pair]
    for name, fields in (
        ("corpus.jsonl", ("title", "text")),
        ("queries.jsonl", ("text", "english")),
        ("teacher.jsonl", ("query",)),
    ):
        texts += [record[field] for record in records(name) for field in fields]
    assert [text for text in texts if text != normalise_text(text)] == []


def test_sizes_are_those_the_documentation_names(bitext, collections, triples):
    assert len(bitext) == len(bitext.dataset) == 1997
    assert len(collections["test"].corpus_ids) == 200
    assert {split: len(collection.query_ids) for split, collection in collections.items()} == {"dev": 40, "test": 120}
    assert len(records("teacher.jsonl")) == 600
    assert len(triples) > 600 + 200 * 4


def test_no_pair_is_rejected_and_none_is_there_twice(bitext):
    assert bitext.report.rows_read == bitext.report.rows_kept == 1997
    assert bitext.report.rejected == {}
    counts = Counter((comparison_key(english), comparison_key(swahili)) for english, swahili in pairs(bitext))
    assert [pair for pair, count in counts.items() if count > 1] == []
    assert set(bitext.dataset["source"]) == SUBJECTS
    assert min(bitext.report.kept_by_source.values()) > 300


def test_texts_are_of_sane_length(bitext, collections):
    for english, swahili in pairs(bitext):
        assert 1 <= len(english.split()) <= 25, english
        assert 1 <= len(swahili.split()) <= 25, swahili
        assert 0.4 < len(english) / len(swahili) < 2.5, (english, swahili)
    for record in records("corpus.jsonl"):
        assert 30 <= len(record["text"].split()) <= 120, record["_id"]
        assert 1 <= len(record["title"].split()) <= 10, record["_id"]
    for collection in collections.values():
        for text in [*collection.query_texts, *collection.english.values()]:
            assert 3 <= len(text.split()) <= 20, text


def test_both_sides_are_a_statement_or_a_question_or_a_phrase(bitext):
    """A pair that was cut, or two lines out of step, shows here first."""

    def form(text):
        if text[-1] not in ".?!\"'":
            return "phrase"
        assert text[0].isupper() or text[0].isdigit() or text[0] in "\"'", text
        return "question" if text.rstrip("\"'").endswith("?") else "statement"

    forms = Counter()
    for english, swahili in pairs(bitext):
        assert form(english) == form(swahili), (english, swahili)
        forms[form(english)] += 1
    assert forms["question"] > 200
    assert forms["statement"] > 1000


def test_swahili_is_on_the_swahili_side(bitext, collections):
    english_words = {"the", "and", "of", "is", "are", "was", "were", "with", "what", "how", "which"}
    for text in [*bitext.dataset["non_english"], *collections["dev"].query_texts, *collections["test"].query_texts]:
        assert not english_words & set(re.findall(r"\w+", text.lower())), text


def test_passages_differ():
    corpus = records("corpus.jsonl")
    for field in ("_id", "text"):
        assert len({comparison_key(record[field]) for record in corpus}) == 200
    assert {record["_id"].split("-")[0] for record in corpus} == SUBJECTS


@pytest.mark.parametrize("split", ["dev", "test"])
def test_every_judgement_is_valid(split):
    passages, questions = ({record["_id"] for record in records(name)} for name in ("corpus.jsonl", "queries.jsonl"))
    header, *lines = (SAMPLE / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "query-id\tcorpus-id\tscore"
    judged = [line.split("\t") for line in lines]
    assert all(query in questions and passage in passages and score == "1" for query, passage, score in judged)
    assert len({(query, passage) for query, passage, _ in judged}) == len(judged)
    # the subject is part of both ids
    assert all(query.split("-")[0] == passage.split("-")[0] for query, passage, _ in judged)


def test_questions_differ_and_every_one_has_an_english_version(collections):
    dev, test = collections["dev"], collections["test"]
    assert not set(dev.query_ids) & set(test.query_ids)
    assert {*dev.query_ids, *test.query_ids} == {record["_id"] for record in records("queries.jsonl")}
    for collection in (dev, test):
        assert collection.english.keys() == collection.qrels.keys() == set(collection.query_ids)
    questions = [*dev.query_texts, *test.query_texts, *dev.english.values(), *test.english.values()]
    assert len({comparison_key(question) for question in questions}) == len(questions) == 320
    assert all(question.endswith("?") for question in questions)


def test_no_question_is_in_the_bitext_or_among_the_teachers(bitext, collections, triples):
    trained_on = {comparison_key(text) for pair in pairs(bitext) for text in pair}
    trained_on |= {comparison_key(query) for query in triples["query"]}
    questions = [
        question for collection in collections.values() for question in (*collection.query_texts, *collection.english.values())
    ]
    assert [question for question in questions if comparison_key(question) in trained_on] == []
    # nor does the package's own exclusion find one
    assert len(load_bitext(SAMPLE / "bitext.tsv", language="sw", exclude=questions)) == 1997


def test_no_question_is_nearly_in_the_bitext(bitext, collections):
    """Nor one with a few words changed: Jaccard index of the words of either side with the sentence nearest to it."""

    def bag(text):
        return frozenset(re.findall(r"\w+", text.lower()))

    sides = zip(*pairs(bitext), strict=True)
    english, swahili = ([bag(text) for text in side] for side in sides)
    test = collections["test"]
    for questions, sentences in ((test.query_texts, swahili), (test.english.values(), english)):
        nearest = {q: max(len(words & s) / len(words | s) for s in sentences) for q, words in ((q, bag(q)) for q in questions)}
        assert max(nearest.values()) < 0.75, max(nearest, key=nearest.get)


def test_teacher_triples_are_questions_then_titles_and_sentences(collections, triples):
    passages = collections["test"].corpus
    given = [
        {"query": r["query"], "positive": passages[r["positive_id"]], "negatives": [passages[i] for i in r["negative_ids"]]}
        for r in records("teacher.jsonl")
    ]
    rows = triples.to_list()
    assert rows[:600] == given
    assert Counter(row["positive"] for row in given).keys() == set(passages.values())
    assert all(len({row["positive"], *row["negatives"]}) == 1 + len(row["negatives"]) <= 6 for row in given)
    rebuilt = {}
    for row in rows[600:]:
        assert row["negatives"] == []
        rebuilt.setdefault(row["positive"], []).append(row["query"])
    assert [" ".join(queries) for queries in rebuilt.values()] == list(passages.values())
    titles = [record["title"] for record in records("corpus.jsonl")]
    assert [queries[0] for queries in rebuilt.values()] == titles
    assert all(len(queries) >= 4 for queries in rebuilt.values())
