import csv
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.bitext_readers import read_bitext
from hf_optical.data.errors import DataError

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\ufeff\r"), min_size=1)


def pairs(path, **options):
    return [(row.line, row.english, row.non_english, row.source) for row in read_bitext(path, language="sw", **options)]


def test_tsv_takes_quotes_as_text_and_names_the_source(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b'source\tnon_english\tenglish\r\nntrex\t"Habari\tHello"\r\n\tNdiyo\tYes\r\n')
    assert pairs(path) == [(2, 'Hello"', '"Habari', "ntrex"), (3, "Yes", "Ndiyo", "a.tsv")]


def test_headerless_files_when_asked(tmp_path):
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"Hello\tHabari\n"))
    assert pairs(path, columns=("english", "non_english")) == [(1, "Hello", "Habari", "a.tsv.gz")]


def test_any_column_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("en,sw\nHello,Habari\n")
    assert pairs(path, english_column="en", non_english_column="sw") == [(2, "Hello", "Habari", "a.csv")]


@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_csv_written_by_the_standard_library_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([("english", "non_english"), *rows])
    assert [row[1:3] for row in pairs(path)] == rows


@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_json_lines_are_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("json") / "a.jsonl.gz"
    lines = [json.dumps({"english": english, "non_english": other}) for english, other in rows]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert [row[1:3] for row in pairs(path)] == rows


def test_csv_row_numbers_count_lines_inside_quotes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('english,non_english\n"two\nlines","mistari\nmiwili"\nYes,Ndiyo\n')
    assert [row[0] for row in pairs(path)] == [2, 5]


def test_translation_in_json_lines_and_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.jsonl"
    path.write_text('{"translation": {"en": "Hello", "sw-KE": "Habari"}}\n')
    assert pairs(path)[0][1:3] == ("Hello", "Habari")
    table = pa.Table.from_pylist([{"translation": {"en": "Hello", "sw": "Habari"}}, {"translation": {"en": "A", "sw": None}}])
    pq.write_table(table, tmp_path / "a.parquet")
    assert [row[:3] for row in pairs(tmp_path / "a.parquet")] == [(1, "Hello", "Habari"), (2, "A", "")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "englsh\tother\n", "a.tsv:1: column 'english': missing; the columns are 'englsh', 'other'; did you"),
        ("a.tsv", "englsh\tnon_english\n", "; did you mean 'englsh'?"),
        ("a.tsv", "foo\tbar\n", "the columns are 'foo', 'bar'; name one with english_column="),
        ("a.tsv", "english,non_english\nHi,Habari\n", "one column only ('english,non_english') where two"),
        ("a.tsv", "english\nHello\n", "one column only ('english')"),
        ("a.tsv", "english\tenglish\tnon_english\n", "column 'english': the column is there twice"),
        ("a.tsv", "english\tnon_english\nHi\tHabari\nHi\tHabari\tnjema\n", "a.tsv:3: 3 fields where 2 are named"),
        ("a.tsv", "english\tnon_english\nHi\n", "a.tsv:2: 1 fields where 2 are named"),
        ("a.tsv", "\n", "a.tsv:1: no header line (empty line)"),
        ("a.csv", 'english,non_english\n"Hi,Habari\n', "a.csv:2: not a CSV row (unexpected end of data)"),
        ("a.csv", 'english,non_english\nA,B\n"Hi"x,Habari\n', "a.csv:3: not a CSV row"),
        ("a.csv", "english,non_english\nHi,Habari,njema\n", "a.csv:2: 3 fields where 2 are named"),
        ("a.csv", "translation,other\nHi,Habari\n", "a translation column needs JSON Lines or Parquet"),
        ("a.jsonl", '{"english": "Hi", "nonenglish": "x"}', "column 'non_english': missing; the columns are"),
        ("a.jsonl", '{"english": "Hi", "nonenglish": "x"}', "; did you mean 'nonenglish'?"),
        ("a.jsonl", '{"english": "Hi", "non_english": 3}', "a.jsonl:1: column 'non_english': holds int, not text"),
        ("a.jsonl", '{"translation": {"en": "Hi", "ha": "x"}}', "no language 'sw'; the languages are 'en'"),
        ("a.jsonl", '{"translation": "Hi"}', "column 'translation': not an object"),
        ("a.parquet", "nothing of the kind", "a.parquet: not a readable Parquet file"),
        ("a.parquet", "", "the file is empty"),
        ("a.docx", "word", "unknown kind of file '.docx'; give one of .tsv, .csv"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError) as raised:
        pairs(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_missing_parquet_column(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"en": ["Hi"], "sw": ["Habari"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="column 'english': missing; the columns are 'en', 'sw'"):
        pairs(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_over_long_and_empty_lines_are_given_with_their_reason(tmp_path, name):
    long = "x" * 1_000_001
    good = {"a.tsv": "Hi\tHabari", "a.csv": "Hi,Habari", "a.jsonl": '{"english": "Hi", "non_english": "Habari"}'}[name]
    header = {"a.tsv": "english\tnon_english\n", "a.csv": "english,non_english\n", "a.jsonl": ""}[name]
    path = tmp_path / name
    path.write_text(f"{header}{good}\n{long}\n\n{good}\n")
    problems = [row.problem for row in read_bitext(path, language="sw")]
    assert problems == ["", "line too long", "empty line", ""]


def test_a_csv_field_may_be_longer_than_the_standard_limit(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"english,non_english\n{'x' * 200_000},Habari\n")
    assert len(pairs(path)[0][1]) == 200_000


def test_a_source_of_the_wrong_type():
    with pytest.raises(DataError, match="a source is a path or a name, not int"):
        read_bitext(3, language="sw")
    with pytest.raises(DataError, match="3 files where a Moses corpus has two"):
        read_bitext(("a", "b", "c"), language="sw")
