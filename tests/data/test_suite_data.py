"""The real data: every file loads, and the counts are those of its own README."""

import pytest

from hf_optical.data import load_bitext, load_passages, load_retrieval, load_triples

BITEXT = {"sw": 41_474, "ha": 12_379, "yo": 13_227, "ig": 12_901, "de": 42_867, "es": 6_926, "ru": 6_933}
SOURCES = {
    "sw": {"afriqa-dev": 416, "afriqa-train": 412, "asp": 1_174, "flores-dev": 997, "mafand-dev": 1_720,
           "mafand-test": 1_779, "mafand-train": 29_651, "ntrex": 1_871, "tatoeba": 387, "tico19": 3_067},
    "ru": {"flores-dev": 997, "ntrex": 1_871, "tatoeba": 1_000, "tico19": 3_065},
}  # fmt: skip
QUERIES = {"sw": 295, "ha": 298, "yo": 253, "ig": 409, "de": 1190, "es": 1190, "ru": 1190}
PASSAGES = 19_265


@pytest.mark.parametrize("language", BITEXT)
def test_bitext(suite, language):
    bitext = load_bitext(suite / "bitext" / f"{language}.tsv.gz", language=language)
    report = bitext.report
    assert report.rows_read == BITEXT[language]
    # The files are clean already: our filters agree but for a few of the loosest pairs.
    assert set(report.rejected) <= {"length ratio"}
    assert report.rows_rejected <= 3
    assert len(bitext) == report.rows_kept == report.rows_read - report.rows_rejected
    assert bitext.report.length_ratio == pytest.approx(1.05, abs=0.12)
    if language in SOURCES:
        counts = {}
        for source, count in report.kept_by_source.items():
            key = "asp" if source.startswith("asp-") else source
            counts[key] = counts.get(key, 0) + count
        assert all(SOURCES[language][key] - counts[key] in range(4) for key in SOURCES[language])
        assert counts.keys() == SOURCES[language].keys()


@pytest.mark.parametrize("language", QUERIES)
def test_retrieval(suite, language):
    collection = load_retrieval(suite / "retrieval" / f"{language}-en", corpus=suite / "corpus.jsonl.gz")
    assert collection.name == f"{language}-en"
    assert len(collection.corpus_ids) == len(collection.corpus_texts) == PASSAGES
    assert len(collection.query_ids) == len(collection.english) == len(collection.qrels) == QUERIES[language]
    assert collection.queries_unjudged == {"ha": 202, "ig": 251}.get(language, 0)


@pytest.mark.parametrize(("language", "count"), [("ha", 202), ("ig", 251)])
def test_retrieval_dev(suite, language, count):
    collection = load_retrieval(suite / "retrieval" / f"{language}-en", split="dev", corpus=suite / "corpus.jsonl.gz")
    assert len(collection.query_ids) == count
    assert all(key.startswith(f"{language}-dev-") for key in collection.query_ids)


def test_bitext_test_is_parallel_and_not_in_the_bitext(suite):
    english = {}
    for language in BITEXT:
        path = suite / "bitext-test" / f"{language}.tsv.gz"
        english[language] = [pair[0] for pair in load_bitext(path, language=language).pairs()]
        assert len(english[language]) == 1_012
    assert all(sentences == english["sw"] for sentences in english.values())
    excluded = load_bitext(suite / "bitext" / "es.tsv.gz", language="es", exclude=english["es"])
    assert "excluded sentence" not in excluded.report.rejected


def test_triples_by_ids(suite):
    corpus = dict(zip(*load_passages(suite / "corpus.jsonl.gz"), strict=True))
    assert len(corpus) == PASSAGES
    dev = load_triples(suite / "teacher" / "dev.jsonl", corpus)
    train = load_triples(suite / "teacher" / "train.jsonl.gz", corpus)
    assert (len(dev), len(train)) == (500, 23_599)
    assert train.column_names == ["query", "positive", "negatives"]
    assert max(map(len, train["negatives"])) == 5
