import gzip
import json

import datasets
import pytest

from hf_optical.data.errors import DataError
from hf_optical.data.triples import load_triples

CORPUS = {"d1": "A cereal.", "d2": "A root.", "d3": "A fruit."}
BY_ID = {"query": "maize", "positive_id": "d1", "negative_ids": ["d2", "d3"]}
BY_TEXT = {"query": "maize", "positive": "A cereal.", "negatives": ["A root.", "A fruit."]}


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize("record", [BY_ID, BY_TEXT])
def test_by_ids_and_by_text_are_the_same(tmp_path, record):
    data = load_triples(write(tmp_path / "a.jsonl", record), CORPUS)
    assert data.to_list() == [BY_TEXT]


def test_single_negative_no_negative_and_scores(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        {"query": "maize", "positive": "A cereal.", "negative": "A root.", "scores": [3, 1.5]},
        {"query": "maize", "positive": "A cereal.", "scores": [2]},
    )
    data = load_triples(path)
    assert data["negatives"] == [["A root."], []]
    assert data["scores"] == [[3.0, 1.5], [2.0]]


def test_tsv_with_and_without_header(tmp_path):
    path = tmp_path / "a.tsv.gz"
    for header in ("", "query\tpositive\tnegative\n"):
        path.write_bytes(gzip.compress((header + "maize\tA cereal.\tA root.\tA fruit.\n").encode()))
        assert load_triples(path).to_list() == [BY_TEXT]


def test_data_set_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "triples"
    folder.mkdir()
    datasets.Dataset.from_list([BY_ID]).to_parquet(folder / "train.parquet")
    assert load_triples(folder, CORPUS).to_list() == [BY_TEXT]
    with pytest.raises(DataError, match="no split 'dev'; the splits are train"):
        load_triples(folder, CORPUS, split="dev")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({**BY_ID, "positive_id": "d9"}, "a.jsonl:2: column 'positive_id': unknown passage 'd9'"),
        ({**BY_ID, "negative_ids": ["d2", "d9"]}, "column 'negative_ids': unknown passage 'd9'"),
        ({**BY_ID, "negative_ids": ["d1"]}, "column 'negative_ids': passage 'd1' is both positive and negative"),
        ({**BY_ID, "negative_ids": "d2"}, "column 'negative_ids': holds str, not a list; write a list"),
        ({**BY_ID, "query": " "}, "column 'query': empty"),
        ({"positive": "a"}, "column 'query': missing; the fields are 'positive'"),
        ({"query": "a", "positve": "b"}, "column 'positive': missing; the fields are 'query', 'positve'; did you mean"),
        ({**BY_TEXT, "negatives": [3]}, "column 'negatives': holds int, not text"),
        ({**BY_TEXT, "negatives": [""]}, "column 'negatives': empty"),
        ({**BY_TEXT, "scores": [1, 2, 3]}, "column 'scores': scores are on some lines and not on others"),
    ],
)  # fmt: skip
def test_bad_records(tmp_path, record, message):
    with pytest.raises(DataError) as raised:
        load_triples(write(tmp_path / "a.jsonl", BY_ID, record), CORPUS)
    assert message in str(raised.value)
    assert "a.jsonl:2" in str(raised.value)


@pytest.mark.parametrize("scores", [[1, 2], [1, 2, "3"], [1, 2, float("nan")], "high", [1, 2, True]])
def test_bad_scores(tmp_path, scores):
    with pytest.raises(DataError, match=r"a\.jsonl:1: column 'scores': .* is not a list of 3 numbers"):
        load_triples(write(tmp_path / "a.jsonl", {**BY_TEXT, "scores": scores}))


def test_bad_files(tmp_path):
    with pytest.raises(DataError, match=r"a\.jsonl:1: .*triples by ids need the corpus; give the passages: --passages"):
        load_triples(write(tmp_path / "a.jsonl", BY_ID))
    (tmp_path / "a.tsv").write_text("maize\tA cereal.\n")
    with pytest.raises(DataError, match=r"a\.tsv:1: 2 fields where query, positive and a negative are expected"):
        load_triples(tmp_path / "a.tsv")
    (tmp_path / "b.tsv").write_text("query\tpositive\tnegative\n")
    with pytest.raises(DataError, match=r"b\.tsv: no triples"):
        load_triples(tmp_path / "b.tsv")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"unknown kind of file '\.txt'"):
        load_triples(tmp_path / "a.txt")
    with pytest.raises(DataError, match=r"c\.tsv: no such file"):
        load_triples(tmp_path / "c.tsv")
