import gzip
import json

import pytest

from hf_optical.data.errors import DataError
from hf_optical.data.retrieval import RetrievalCollection, load_retrieval

CORPUS = [
    {"_id": "d1", "title": "Maize", "text": "Maize is a cereal."},
    {"_id": "d2", "title": "", "text": "Cassava is a root."},
    {"_id": "d3", "text": "Rice."},
]
QUERIES = [
    {"_id": "q1", "text": "Mahindi ni nini?", "english": "What is maize?"},
    {"_id": "q2", "text": "Muhogo ni nini?"},
    {"_id": "q3", "text": "Wali?"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t0\nq3\td3\t1\n"


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "sw-en"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(jsonl(CORPUS).encode()))
    (folder / "queries.jsonl").write_text(jsonl(QUERIES))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


def test_beir_folder(folder):
    collection = load_retrieval(folder)
    assert collection == RetrievalCollection(
        name="sw-en",
        split="test",
        corpus_ids=["d1", "d2", "d3"],
        corpus_texts=["Maize Maize is a cereal.", "Cassava is a root.", "Rice."],
        query_ids=["q1", "q3"],
        query_texts=["Mahindi ni nini?", "Wali?"],
        english={"q1": "What is maize?"},
        qrels={"q1": {"d1": 2, "d3": 0}, "q3": {"d3": 1}},
        queries_unjudged=1,
    )
    assert collection.corpus["d2"] == "Cassava is a root."
    assert collection.queries == {"q1": "Mahindi ni nini?", "q3": "Wali?"}


def test_corpus_elsewhere(folder, tmp_path):
    (folder / "corpus.jsonl.gz").rename(tmp_path / "corpus.jsonl.gz")
    with pytest.raises(DataError) as raised:
        load_retrieval(folder)
    assert f"no corpus.jsonl or corpus.jsonl.gz; pass corpus='{tmp_path}/corpus.jsonl.gz'" in str(raised.value)
    assert len(load_retrieval(folder, corpus=tmp_path / "corpus.jsonl.gz").corpus_ids) == 3
    with pytest.raises(DataError, match=r"corpus\.jsonl: no such file; did you mean 'corpus\.jsonl\.gz'\?"):
        load_retrieval(folder, corpus=tmp_path / "corpus.jsonl")


def test_judgements_without_a_header_windows_line_ends_and_repeats(folder):
    (folder / "qrels" / "test.tsv").write_bytes(b"q1\td1\t1\r\nq1\td1\t1\r\n\r\n")
    collection = load_retrieval(folder)
    assert collection.qrels == {"q1": {"d1": 1}}
    assert collection.judgements_repeated == 1


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("q1\td1\t1\nq9\td1\t1\n", "test.tsv:2: unknown query 'q9'; check that the query ids are those"),
        ("q1\tzz\t1\n", "test.tsv:1: unknown document 'zz'; check that the document ids are those of this collection"),
        (QRELS + "q2\td2\tgood\n", "test.tsv:5: column 'score': score 'good' is not a whole number of 0 or more"),
        (QRELS + "q2\td2\t-1\n", "score '-1' is not"),
        (QRELS + "q2\td2\t0.5\n", "score '0.5' is not"),
        (QRELS + "q1\td1\t1\n", "test.tsv:5: query 'q1' and document 'd1' are judged 2 and 1; keep one of the two"),
        (QRELS + "q2\td2\n", "test.tsv:5: 2 fields; write query-id, corpus-id, score, parted by tabs"),
        (
            "query\tdoc\trel\nq1\td1\t1\n",
            "test.tsv:1: the header is 'query', 'doc', 'rel'; write query-id, corpus-id, score",
        ),
        ("query-id\tcorpus-id\tscore\n", "no judgement in split 'test'"),
        ("", "the file is empty"),
    ],
)
def test_bad_judgements(folder, qrels, message):
    (folder / "qrels" / "test.tsv").write_text(qrels)
    with pytest.raises(DataError) as raised:
        load_retrieval(folder)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corpus.jsonl", jsonl([*CORPUS, CORPUS[0]]), "corpus.jsonl:4: column '_id': document 'd1' is there twice"),
        ("corpus.jsonl", jsonl([{"text": "a"}]), "corpus.jsonl:1: column '_id': missing; the fields are 'text'"),
        ("corpus.jsonl", jsonl([{"_id": "d1", "txt": "a"}]), "column 'text': missing; the fields are '_id', 'txt'"),
        ("corpus.jsonl", jsonl([{"_id": "d1", "text": ["a"]}]), "corpus.jsonl:1: column 'text': holds list, not text"),
        ("corpus.jsonl", jsonl([{"_id": "d1", "text": "\ud800"}]), "holds half of a surrogate pair"),
        ("corpus.jsonl", jsonl([{"_id": "a\tb", "text": "a"}]), "is not an id"),
        ("corpus.jsonl", '{"_id": "d1",', "corpus.jsonl:1: not JSON"),
        ("queries.jsonl", jsonl([QUERIES[0], QUERIES[0]]), "queries.jsonl:2: column '_id': query 'q1' is there twice"),
        ("queries.jsonl", jsonl([{"_id": "q1", "text": " "}]), "queries.jsonl:1: column 'text': query 'q1' is empty"),
    ],
)  # fmt: skip
def test_bad_records(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(DataError) as raised:
        load_retrieval(folder)
    assert message in str(raised.value)


def test_numbers_as_ids_become_text(folder):
    (folder / "corpus.jsonl").write_text(jsonl([{"_id": 7, "text": "a"}]))
    (folder / "qrels" / "test.tsv").write_text("q1\t7\t1\n")
    assert load_retrieval(folder).corpus_ids == ["7"]


def test_missing_parts_are_named(folder, tmp_path):
    with pytest.raises(DataError, match=r"qrels/dev\.tsv: no judgements for split 'dev'; the splits are test"):
        load_retrieval(folder, split="dev")
    (folder / "queries.jsonl").unlink()
    with pytest.raises(DataError, match=r"no queries\.jsonl or queries\.jsonl\.gz; give a folder"):
        load_retrieval(folder)
    with pytest.raises(DataError, match=r"sw-eng: no such file; did you mean 'sw-en'\?"):
        load_retrieval(tmp_path / "sw-eng")
    with pytest.raises(DataError, match="a file, not a collection"):
        load_retrieval(folder / "qrels" / "test.tsv")
