import gzip
import json

import datasets
import pytest

from hf_optical.data import passages
from hf_optical.data.errors import DataError
from hf_optical.data.passages import load_passages, load_passages_with_metadata


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.jsonl", '{"_id": "a", "title": "T", "text": "x"}\n\n{"id": 2, "text": "b"}\n', (["a", "2"], ["T x", "b"])),
        ("a.tsv", "d1\tA cereal.\nd2\tA root.\n", (["d1", "d2"], ["A cereal.", "A root."])),
        ("a.tsv", "id\ttext\ttitle\nd1\tA cereal.\tMaize\n", (["d1"], ["Maize A cereal."])),
        ("a.tsv", "d1\tMaize\tA cereal.\n", (["d1"], ["Maize A cereal."])),
        ("a.txt", "A cereal.\r\n\n A root.\n", (["1", "3"], ["A cereal.", "A root."])),
    ],
)  # fmt: skip
def test_files_plain_and_gzip(tmp_path, name, text, expected):
    (tmp_path / name).write_bytes(text.encode())
    assert load_passages(tmp_path / name) == expected
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    assert load_passages(tmp_path / f"{name}.gz") == expected


def test_folder_of_text_files(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.txt").write_text("A root.\nEaten boiled.\n")
    (tmp_path / "a.txt").write_text("A cereal.\n")
    (tmp_path / "note.md").write_text("not a passage")
    assert load_passages(tmp_path) == (["a.txt", "b/two.txt"], ["A cereal.", "A root.\nEaten boiled."])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n', "a.jsonl:2: column '_id': document 'a'"),
        ("a.tsv", "d1\ta\nd2\n", "a.tsv:2: 1 fields where 2 are expected (_id, text)"),
        ("a.txt", "\n\n", "no passage"),
        ("a.txt", "a\x00b", "a binary file"),
    ],
)  # fmt: skip
def test_bad_files(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as raised:
        load_passages(tmp_path / name)
    assert message in str(raised.value)


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match=r"no corpus\.jsonl and no \.txt file in this folder"):
        load_passages(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        load_passages(tmp_path / "a.txt")


def test_metadata(tmp_path):
    rows = [
        {"_id": " a ", "text": "x", "title": "T"},
        {"corpus-id": "b", "text": "y", "metadata": {"year": 1999}},
        {"id": 3, "text": "z"},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ids, texts, metadata = load_passages_with_metadata(tmp_path / "a.jsonl")
    assert (ids, texts) == ([" a ", "b", "3"], ["T x", "y", "z"])
    assert metadata == [{"title": "T"}, {"year": 1999}, {}]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_other_kinds_of_files_are_not_taken_for_lines_of_text(tmp_path, suffix):
    (tmp_path / f"p.{suffix}").write_text("id,text\nd1,Milk\n")
    with pytest.raises(DataError, match=r"passages are not read from \.(csv|parquet) files; write JSON Lines"):
        load_passages(tmp_path / f"p.{suffix}")


def test_folder_in_beir_layout_and_data_set(tmp_path):
    (tmp_path / "beir").mkdir()
    (tmp_path / "beir" / "corpus.jsonl").write_text('{"_id": "d1", "title": "T", "text": "x"}\n')
    (tmp_path / "beir" / "queries.jsonl").write_text('{"_id": "q1", "text": "y"}\n')
    assert load_passages(tmp_path / "beir") == (["d1"], ["T x"])
    (tmp_path / "set" / "corpus").mkdir(parents=True)
    rows = [{"_id": "d2", "title": "U", "text": "z"}]
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "set" / "corpus" / "train.parquet")
    (tmp_path / "set" / "README.md").write_text("---\nconfigs:\n- config_name: corpus\n  data_files: corpus/train.parquet\n---\n")
    assert load_passages_with_metadata(tmp_path / "set") == (["d2"], ["U z"], [{"title": "U"}])


def test_a_name_on_the_hub(monkeypatch):
    asked = []
    monkeypatch.setattr(passages, "fill_corpus", lambda name, builder: asked.append(name) or builder.documents.update(d="text"))
    assert load_passages("acme/news") == (["d"], ["text"])
    assert asked == ["acme/news"]
    for missing in ("acme/news.jsonl", "news", "acme/news.tsv.gz"):
        with pytest.raises(DataError, match="no such file"):
            load_passages(missing)
