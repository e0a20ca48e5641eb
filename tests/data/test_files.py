import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.errors import DataError
from hf_optical.data.files import Line, atomic_write, read_json_lines, read_lines

LINES = st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n\r\x00\ufeff")), min_size=1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@given(lines=LINES)
def test_lines_are_read_in_every_encoding_and_line_end(tmp_path_factory, encoding, end, lines):
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    bom = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes((bom + end.join([*lines, ""])).encode(encoding))
    assert list(read_lines(path)) == [Line(n, text) for n, text in enumerate(lines, 1)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lines_do_not_depend_on_where_a_chunk_ends(tmp_path, monkeypatch, chunk, encoding):
    monkeypatch.setattr("hf_optical.data.files._CHUNK", max(chunk, 4))
    path = tmp_path / "a.txt"
    path.write_bytes("ọmọ\r\n\n😀😀\nmwisho".encode(encoding))
    assert [line.text for line in read_lines(path)] == ["ọmọ", "", "😀😀", "mwisho"]


def test_gzip_is_told_by_content(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(b"one\ntwo"))
    assert [line.text for line in read_lines(path)] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "a.txt: the file is empty"),
        ("a.txt", b"\xef\xbb\xbf", "a.txt: the file is empty"),
        ("a.txt.gz", gzip.compress(b""), "the file is empty"),
        ("a.txt.gz", gzip.compress(b"a line\n" * 900)[:-12], "the gzip data is broken or cut off"),
        ("a.txt.gz", b"plain", "not a gzip file although its name ends with .gz"),
        (
            "a.txt",
            b"one\ntwo\nthree \xff\xfe",
            "a.txt:3: not UTF-8 at byte 14 (invalid start byte); save the file as UTF-8",
        ),
        ("a.txt", b"\xef\xbb\xbfone\n\xff", "a.txt:2: not UTF-8 at byte 7"),
        ("a.txt", b"one\ncut \xe1\xba", "a.txt:2: not UTF-8 at byte 8 (unexpected end of data)"),
        ("a.txt", "ab\n".encode("utf-16") + b"\x00\xd8a\x00", "a.txt:2: not UTF-16 at byte 8"),
        ("a.txt", b"one\ntw\x00o", "a.txt:2: a binary file (NUL byte at byte 6)"),
        ("a.txt", "one".encode("utf-32"), "the file is UTF-32; save it as UTF-8"),
    ],
)
def test_bad_files_are_named_with_line_and_byte(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        list(read_lines(path))
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_offset_is_right_beyond_the_first_chunk(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("ẹ\n".encode() * 40_000 + b"\xff\n")
    with pytest.raises(DataError, match=r"a\.txt:40001: not UTF-8 at byte 160,000 "):
        list(read_lines(path))


def test_missing_files_and_folders_suggest_what_is_there(tmp_path):
    (tmp_path / "sw.tsv.gz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"sw\.tsv: no such file; did you mean 'sw\.tsv\.gz'\?"):
        list(read_lines(tmp_path / "sw.tsv"))
    with pytest.raises(DataError, match=r"a folder, not a file; name a file in it: sw\.tsv\.gz"):
        list(read_lines(tmp_path))
    with pytest.raises(DataError, match="no such file, and no such folder"):
        list(read_lines(tmp_path / "nowhere" / "sw.tsv"))


def test_a_line_of_any_length_is_passed_over_in_bounded_memory(tmp_path):
    path = tmp_path / "a.txt.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"before\n")
        for _ in range(40):
            file.write(b"x" * 1_000_000)
        file.write(b"\nafter\n" + "ẹ".encode() * 400_000 + b"\n" + b"y" * 1_000_000)
    tracemalloc.start()
    lines = [(line.number, line.text and line.text[:6]) for line in read_lines(path)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The fourth is 1.2 MB of UTF-8 although only 400,000 characters; the fifth is exactly at the limit.
    assert lines == [(1, "before"), (2, None), (3, "after"), (4, None), (5, "yyyyyy")]
    assert peak < 8_000_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": \n', r"a\.jsonl:2: not JSON \(Expecting value\); write one JSON object on each line"),
        ("[\n{}\n]", r"a\.jsonl:1: a JSON array over several lines"),
        ("[1, 2]", r"a\.jsonl:1: a JSON list, not an object"),
        ("[" * 100_000, r"a\.jsonl:1: not JSON \(RecursionError\)"),
    ],
)
def test_bad_json_lines(tmp_path, text, message):
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_json_lines(path))


def test_atomic_write_leaves_the_old_file_and_nothing_else_when_it_fails(tmp_path):
    path = tmp_path / "new" / "a.tsv.gz"
    with atomic_write(path) as file:
        file.write(b"first")
    before = path.read_bytes()
    with pytest.raises(KeyError), atomic_write(path) as file:  # noqa: PT012
        file.write(b"second")
        raise KeyError
    assert path.read_bytes() == before
    assert gzip.decompress(before) == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.tsv.gz"]
    with pytest.raises(DataError, match="a folder, not a file to write to"), atomic_write(tmp_path):
        pass
