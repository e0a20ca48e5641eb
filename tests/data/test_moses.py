import gzip

import pytest

from hf_optical.data.bitext_readers import read_bitext
from hf_optical.data.errors import DataError


def pairs(source, language="sw"):
    return [(row.line, row.english, row.non_english) for row in read_bitext(source, language=language)]


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "corpus.en").write_text("Hello\nYes\n")
    (tmp_path / "corpus.sw").write_bytes(b"Habari\r\nNdiyo\r\n")
    return tmp_path / "corpus"


def test_two_files_braces_and_prefix_are_the_same(corpus):
    expected = [(1, "Hello", "Habari"), (2, "Yes", "Ndiyo")]
    assert pairs((f"{corpus}.en", f"{corpus}.sw")) == expected
    assert pairs(f"{corpus}.{{en,sw}}") == expected
    assert pairs(f"{corpus}.{{sw,en}}") == expected
    assert pairs(corpus) == expected


def test_compressed_prefix(corpus):
    for code in ("en", "sw"):
        path = corpus.with_name(f"corpus.{code}")
        path.with_name(f"zipped.{code}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert pairs(corpus.with_name("zipped")) == pairs(corpus)


def test_an_empty_line_on_one_side_keeps_the_alignment(tmp_path):
    (tmp_path / "a.en").write_text("A\n\nC\n")
    (tmp_path / "a.sw").write_text("a\nb\nc\n")
    assert pairs(tmp_path / "a") == [(1, "A", "a"), (2, "", "b"), (3, "C", "c")]


def test_unequal_files_are_named_with_their_counts(corpus):
    with corpus.with_name("corpus.sw").open("a") as file:
        file.write("Tatu\nNne\n")
    with pytest.raises(DataError) as raised:
        pairs(corpus)
    message = str(raised.value)
    assert f"{corpus}.en: 2 lines, but {corpus}.sw has 4; line N of both must be one pair" in message


def test_missing_half_and_wrong_braces(corpus):
    with pytest.raises(DataError, match=r"corpus\.ha: no such file; did you mean"):
        pairs(corpus, language="ha")
    with pytest.raises(DataError, match=r"the braces name 'de', 'sw', not 'en' and 'sw'; write prefix\.\{en,sw\}"):
        pairs(f"{corpus}.{{de,sw}}")
