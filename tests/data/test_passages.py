import gzip

import pytest

from hf_optical.data.errors import DataError
from hf_optical.data.passages import load_passages


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
    with pytest.raises(DataError, match=r"no \.txt file in this folder"):
        load_passages(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        load_passages(tmp_path / "a.txt")
