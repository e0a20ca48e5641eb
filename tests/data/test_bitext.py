import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.bitext import load_bitext
from hf_optical.data.errors import DataError
from hf_optical.data.filters import BitextFilter
from hf_optical.data.text import normalise_text

ALL = BitextFilter(max_characters=None, max_length_ratio=None, drop_identical=False, drop_bad_encoding=False, dedup=False)
SENTENCE = st.text().map(normalise_text).filter(bool)


def write(path, *rows, header=True):
    lines = ["english\tnon_english"] * header + ["\t".join(row) for row in rows]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["out.tsv", "out.tsv.gz"])
@given(rows=st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1))
def test_write_tsv_is_read_back_equal(tmp_path_factory, name, rows):
    folder = tmp_path_factory.mktemp("bitext")
    bitext = load_bitext(write(folder / "in.tsv", *rows), language="sw", filters=ALL)
    assert list(bitext.pairs()) == rows
    bitext.write_tsv(folder / name)
    again = load_bitext(folder / name, language="sw", filters=ALL)
    assert list(again.pairs()) == rows
    assert again.dataset["source"] == bitext.dataset["source"]
    assert again.fingerprint == bitext.fingerprint
    assert (folder / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith(".gz") else b"en")
    again.write_tsv(folder / ("again" + name))
    assert (folder / ("again" + name)).read_bytes() == (folder / name).read_bytes()


def test_every_row_is_counted_once_and_named(tmp_path):
    long = ("The farmers store maize in a dry place.", "Wakulima huhifadhi mahindi mahali pakavu.")
    path = write(
        tmp_path / "a.tsv",
        long,
        ("Hello", ""),
        ("  The farmers\u00a0store maize in a dry place. ", "Wakulima huhifadhi ma\u00adhindi mahali pakavu."),
        ("Nairobi", "nairobi!"),
        ("cafÃ©", "mkahawa"),
        ("Yes", "Hii ni sentensi ndefu sana ambayo si tafsiri ya neno hilo."),
        ("Who founded FORD-Kenya?", "Chama kilianzishwa na nani?"),
        ("x" * 1_000_001, "y"),
    )
    bitext = load_bitext(path, language="sw", exclude=["who founded ford kenya", ""])
    assert list(bitext.pairs()) == [long]
    assert bitext.dataset.features.keys() == {"english", "non_english", "source"}
    assert bitext.dataset["source"] == ["a.tsv"]
    assert {reason: rejects.first for reason, rejects in bitext.report.rejected.items()} == {
        "empty side": ["a.tsv:3"],
        "repeated pair": ["a.tsv:4"],
        "identical sides": ["a.tsv:5"],
        "bad encoding": ["a.tsv:6"],
        "length ratio": ["a.tsv:7"],
        "excluded sentence": ["a.tsv:8"],
        "line too long": ["a.tsv:9"],
    }
    assert (bitext.report.rows_read, bitext.report.rows_kept, bitext.report.rows_rejected) == (8, 1, 7)
    assert bitext.fingerprint == hashlib.sha256("\t".join(long).encode() + b"\n").hexdigest()


def test_excluded_on_the_other_side(tmp_path):
    path = write(tmp_path / "a.tsv", ("Hello", "Habari"), ("Yes", "Ndiyo"))
    assert list(load_bitext(path, language="sw", exclude=["HABARI?"]).pairs()) == [("Yes", "Ndiyo")]
    with pytest.raises(DataError, match=r"give exclude=\[sentence\]"):
        load_bitext(path, language="sw", exclude="Habari")


def test_several_sources_in_order_and_repeats_across_them(tmp_path):
    one = write(tmp_path / "a.tsv", ("Hello", "Habari"))
    (tmp_path / "b.en").write_text("Hello\nYes\n")
    (tmp_path / "b.sw").write_text("Habari\nNdiyo\n")
    bitext = load_bitext([one, (tmp_path / "b.en", tmp_path / "b.sw")], language="sw")
    assert list(bitext.pairs()) == [("Hello", "Habari"), ("Yes", "Ndiyo")]
    assert bitext.report.kept_by_source == {"a.tsv": 1, "b.en": 1}
    assert bitext.report.rejected["repeated pair"].first == ["b.en:1"]


def test_limit_counts_kept_pairs_and_stops_there(tmp_path):
    path = write(tmp_path / "a.tsv", ("A", ""), ("B", "b1"), ("C", "c1"), ("D", "d1"))
    bitext = load_bitext(path, language="sw", limit=2)
    assert list(bitext.pairs()) == [("B", "b1"), ("C", "c1")]
    assert (bitext.report.rows_read, bitext.report.rows_kept, bitext.report.rows_rejected) == (3, 2, 1)
    with pytest.raises(DataError, match="limit is 0"):
        load_bitext(path, language="sw", limit=0)


def test_ratio_follows_the_language_not_one(tmp_path):
    rows = [(f"{n:020d}", f"{n:0100d}") for n in range(20)]
    path = write(tmp_path / "a.tsv", *rows, ("y" * 20, "z" * 20))
    relative = load_bitext(path, language="sw")
    assert relative.report.length_ratio == 5.0
    assert relative.report.rejected["length ratio"].first == ["a.tsv:22"]
    absolute = load_bitext(path, language="sw", filters=BitextFilter(relative_to_median=False))
    assert list(absolute.pairs()) == [("y" * 20, "z" * 20)]
    assert absolute.report.length_ratio is None


def test_rows_beyond_the_median_sample_are_judged_too(tmp_path, monkeypatch):
    monkeypatch.setattr("hf_optical.data.bitext._MEDIAN_ROWS", 3)
    monkeypatch.setattr("hf_optical.data.bitext._BATCH", 2)
    rows = [(f"{n:020d}", f"s{n:020d}") for n in range(7)]
    bitext = load_bitext(write(tmp_path / "a.tsv", *rows, ("y" * 20, "z" * 90)), language="sw")
    assert list(bitext.pairs()) == rows
    assert bitext.report.rejected["length ratio"].count == 1


def test_all_rejected_names_the_top_reason_and_its_rows(tmp_path):
    path = write(tmp_path / "a.tsv", ("A", ""), ("B", " "), ("C", "c"))
    with pytest.raises(DataError) as raised:
        load_bitext(path, language="sw")
    assert str(raised.value).startswith(f"{path}: all 3 rows were rejected, 2 of them for 'empty side' (a.tsv:2, a.tsv:3)")


def test_nothing_to_read(tmp_path):
    with pytest.raises(DataError, match="no rows after the header"):
        load_bitext(write(tmp_path / "a.tsv"), language="sw")
    with pytest.raises(DataError, match="no source given"):
        load_bitext([], language="sw")
    (tmp_path / "empty.tsv").touch()
    with pytest.raises(DataError, match=r"empty\.tsv: the file is empty"):
        load_bitext(tmp_path / "empty.tsv", language="sw")
    with pytest.raises(DataError, match=r"b\.tsv: no such file; did you mean 'a\.tsv'\?"):
        load_bitext(tmp_path / "b.tsv", language="sw")
    with pytest.raises(DataError, match=r"write 'sw' \(Swahili\)"):
        load_bitext(tmp_path / "a.tsv", language="swahili")
    with pytest.raises(DataError, match="name the language of the other side"):
        load_bitext(tmp_path / "a.tsv", language="en")


def test_windows_utf_16_and_a_broken_download(tmp_path):
    text = "english\tnon_english\r\nHello\tHabari\r\n"
    for encoding in ("utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.tsv"
        path.write_bytes(text.encode(encoding))
        assert list(load_bitext(path, language="sw").pairs()) == [("Hello", "Habari")]
    path = tmp_path / "cut.tsv.gz"
    path.write_bytes(gzip.compress(text.encode())[:-9])
    with pytest.raises(DataError, match=r"cut\.tsv\.gz: the gzip data is broken or cut off"):
        load_bitext(path, language="sw")


def test_progress_is_shown_for_many_rows_only(tmp_path, monkeypatch):
    shown = []

    class Bar:
        def __init__(self, **options):
            shown.append(options["initial"])

        def update(self):
            shown[-1] += 1

        def close(self):
            shown.append("closed")

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    monkeypatch.setattr("hf_optical.data.bitext._PROGRESS_FROM", 3)
    load_bitext(write(tmp_path / "few.tsv", ("A", "a1"), ("B", "b1")), language="sw")
    assert shown == []
    load_bitext(write(tmp_path / "many.tsv", *[(f"A{n}", f"b{n}") for n in range(5)]), language="sw")
    assert shown == [5, "closed"]
