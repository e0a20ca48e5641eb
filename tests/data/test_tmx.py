import gzip
import zipfile
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.bitext_readers import read_bitext
from hf_optical.data.errors import DataError

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header/><body>\n'
TAIL = "</body></tmx>\n"
XML_TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), min_size=1)


def unit(english, other, tags=("en", "sw")):
    sides = ((tags[0], english), (tags[1], other))
    inside = "".join(f'<tuv xml:lang="{tag}"><seg>{text}</seg></tuv>' for tag, text in sides)
    return f"<tu>{inside}</tu>\n"


def read(path, language="sw"):
    return list(read_bitext(path, language=language))


def write(path, *units):
    path.write_text(HEAD + "".join(units) + TAIL, encoding="utf-8")
    return path


@given(rows=st.lists(st.tuples(XML_TEXT, XML_TEXT), min_size=1))
def test_segments_are_read_back(tmp_path_factory, rows):
    path = write(tmp_path_factory.mktemp("tmx") / "a.tmx", *[unit(escape(one), escape(two)) for one, two in rows])
    assert [(row.english, row.non_english) for row in read(path)] == rows


def test_plain_gzip_zip_and_utf_16(tmp_path):
    path = write(tmp_path / "a.tmx", unit("Hello &amp; bye", "Habari"), unit("Yes", "Ndiyo", ("en-GB", "sw-KE")))
    (tmp_path / "b.tmx.gz").write_bytes(gzip.compress(path.read_bytes()))
    with zipfile.ZipFile(tmp_path / "c.tmx.zip", "w") as archive:
        archive.write(path, "inside/c.tmx")
    (tmp_path / "d.tmx").write_bytes(path.read_text().replace("UTF-8", "UTF-16").encode("utf-16"))
    for name in ("a.tmx", "b.tmx.gz", "c.tmx.zip", "d.tmx"):
        rows = read(tmp_path / name)
        assert [(row.line, row.english, row.non_english) for row in rows] == [
            (4, "Hello & bye", "Habari"),
            (5, "Yes", "Ndiyo"),
        ]
        assert {row.file for row in rows} == {name}


def test_codes_are_left_out_and_highlighted_words_kept(tmp_path):
    path = write(
        tmp_path / "a.tmx",
        unit('A <bpt i="1">&lt;b&gt;</bpt><hi>big</hi><ept i="1">&lt;/b&gt;</ept> house', "Nyumba<ph>{0}</ph> kubwa"),
    )
    assert (read(path)[0].english, read(path)[0].non_english) == ("A big house", "Nyumba kubwa")


def test_units_without_the_language_and_over_long_ones_are_given_with_a_reason(tmp_path):
    path = write(tmp_path / "a.tmx", unit("Yes", "Oui", ("en", "fr")), unit("x" * 1_000_001, "a"), unit("Yes", "Ndiyo"))
    assert [row.problem for row in read(path)] == ["language missing", "line too long", ""]


def test_nothing_is_expanded_or_fetched(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    bomb = '<!DOCTYPE tmx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    outside = f'<!DOCTYPE tmx [<!ENTITY a SYSTEM "file://{secret}">]>'
    outside_parameter = f'<!DOCTYPE tmx [<!ENTITY % p SYSTEM "file://{secret}"> %p;]>'
    for doctype in (bomb, outside, outside_parameter):
        path = tmp_path / "a.tmx"
        path.write_text(f'<?xml version="1.0"?>\n{doctype}\n<tmx><body>{unit("&a;", "b")}</body></tmx>')
        with pytest.raises(DataError, match=r"a\.tmx:2: XML entity '[ap]'; write the character itself"):
            read(path)
    undeclared = write(tmp_path / "b.tmx", unit("caf&eacute;", "b"))
    with pytest.raises(DataError, match=r"b\.tmx:4: XML entity 'eacute'"):
        read(undeclared)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        ((HEAD + unit("Yes", "Ndiyo")).encode(), "a.tmx:5: not well-formed XML (no element found)"),
        (b"<html><p>x</p></html>", "the root element is <html>, not <tmx>"),
        ((HEAD + unit("a", "b", ("en", "fr")) + TAIL).encode(), "no unit in both 'en' and 'sw'; its languages are"),
        (HEAD.encode() + b"<tu>\xff</tu>", "a.tmx:4: not well-formed XML (not well-formed (invalid token))"),
        (b'<?xml version="1.0" encoding="klingon"?><tmx/>', "unknown text encoding"),
    ],
)  # fmt: skip
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "a.tmx"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read(path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"PK nothing", "the zip archive cannot be read"),
        (None, "no .tmx file in the archive"),
    ],
)
def test_bad_archives(tmp_path, content, message):
    path = tmp_path / "a.tmx.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "x")
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path)
