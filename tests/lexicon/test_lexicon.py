"""Lexicons: both file forms read, written back as they are, and refused with file and line."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data import DataError
from hf_optical.lexicon import Lexicon, text_key

WORD = st.text("abcdeọ\u0300'ɗ -", min_size=1, max_size=8).map(text_key).filter(bool)
WEIGHT = st.floats(1e-6, 1e6)
LEXICONS = st.dictionaries(WORD, st.dictionaries(WORD, WEIGHT, min_size=1, max_size=4), min_size=1, max_size=6).map(
    lambda entries: Lexicon("yo", entries)
)


def write(path, text):
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["sw.txt", "sw.txt.gz"])
@pytest.mark.parametrize("sign", ["\t", " "])
def test_muse_form(tmp_path, name, sign):
    path = write(tmp_path / name, f"water{sign}maji\r\nWater{sign}mvua\n\nfree{sign}huru\nfree{sign}huru\n...{sign}maji")
    lexicon = Lexicon.read(path, "sw")
    assert lexicon.entries == {"free": {"huru": 1.0}, "water": {"maji": 1.0, "mvua": 1.0}}
    assert lexicon.report.rows_kept == 3
    assert {reason: r.count for reason, r in lexicon.report.rejected.items()} == {
        "empty line": 1,
        "repeated translation": 1,
        "side without a word": 1,
    }
    assert lexicon.report.rejected["repeated translation"].first == [f"{name}:5"]


def test_muse_form_with_tabs_has_phrases(tmp_path):
    path = write(tmp_path / "a.txt", "Health worker\tmhudumu  wa afya\n")
    assert Lexicon.read(path, "sw").entries == {"health worker": {"mhudumu wa afya": 1.0}}


def test_table_with_weights(tmp_path):
    table = (
        "weight\tenglish\tsource\tnon_english\n0.25\tFree\tx\tbure\n0.5\tfree\tx\tHuru\n1e-3\tfree\ty\tHuru\n0.25\tfree\tx\taliye\n"
    )
    lexicon = Lexicon.read(write(tmp_path / "a.tsv", table), "SW")
    assert lexicon.language == "sw"
    assert list(lexicon.entries["free"].items()) == [("Huru", 0.5), ("aliye", 0.25), ("bure", 0.25)]
    assert lexicon.report.rows_rejected == 1


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("water\n", 1, "1 columns where 2"),
        ("free huru\nhealth worker mhudumu wa afya\n", 2, "5 columns where 2"),
        ("water\tmaji\tx\n", 1, "3 columns where 2"),
        ("englsh\tnon_english\nwater\tmaji\n", 1, "did you mean 'englsh'"),
        ("english\tnon_english\nwater\tmaji\tx\n", 2, "3 fields where 2 are named"),
        ("english\tnon_english\tweight\nwater\tmaji\t0\n", 2, "weight '0'"),
        ("english\tnon_english\tweight\nwater\tmaji\tinf\n", 2, "weight 'inf'"),
        ("english\tnon_english\tweight\nwater\tmaji\t\n", 2, "weight ''"),
        ("english\tnon_english\n", None, "no entry"),
        ("... !\n", None, "no entry"),
        ("a b\n\0\n", 2, "binary"),
        ("", None, "empty"),
    ],
)
def test_bad_files_are_refused_with_their_line(tmp_path, text, line, words):
    path = write(tmp_path / "bad.tsv", text)
    with pytest.raises(DataError, match=words) as caught:
        Lexicon.read(path, "sw")
    assert caught.value.path == str(path)
    assert caught.value.line == line


def test_bad_language_and_missing_file(tmp_path):
    write(tmp_path / "sw.tsv", "a b\n")
    with pytest.raises(DataError, match=r"did you mean 'sw\.tsv'"):
        Lexicon.read(tmp_path / "sv.tsv", "sw")
    with pytest.raises(DataError, match="write 'sw'"):
        Lexicon.read(tmp_path / "sw.tsv", "swahili")
    with pytest.raises(DataError, match="'en'"):
        Lexicon("en", {})


@pytest.mark.parametrize(
    ("entries", "words"),
    [({"Water": {"maji": 1.0}}, "write 'water'"), ({"...": {"maji": 1.0}}, "not the key"), ({"a": {"b": -1.0}}, "positive")],
)
def test_entries_are_checked(entries, words):
    with pytest.raises(DataError, match=words):
        Lexicon("sw", entries)


@given(lexicon=LEXICONS, name=st.sampled_from(["a.tsv", "a.tsv.gz"]))
def test_written_and_read_back(tmp_path_factory, lexicon, name):
    path = tmp_path_factory.mktemp("lexicon") / name
    lexicon.write(path)
    again = Lexicon.read(path, "yo")
    assert again == lexicon
    assert [list(t.items()) for t in again.entries.values()] == [list(t.items()) for t in lexicon.entries.values()]


@given(LEXICONS, LEXICONS)
def test_merge_adds_weights_in_either_order(one, other):
    merged = one.merge(other)
    assert merged == other.merge(one)
    for key in one.entries.keys() | other.entries.keys():
        parts = one.entries.get(key, {}), other.entries.get(key, {})
        assert merged.entries[key] == {w: sum(p.get(w, 0.0) for p in parts) for w in parts[0].keys() | parts[1].keys()}


@given(LEXICONS)
def test_inverted_has_the_same_pairs(lexicon):
    inverted = lexicon.invert()
    pairs = {(e, f): w for e, found in lexicon.entries.items() for f, w in found.items()}
    assert {(e, f): w for f, found in inverted.items() for e, w in found.items()} == pairs
    for found in inverted.values():
        assert list(found.values()) == sorted(found.values(), reverse=True)


def test_merge_of_two_languages_is_refused():
    with pytest.raises(DataError, match="one language"):
        Lexicon("sw", {"a": {"b": 1.0}}).merge(Lexicon("ha", {"a": {"b": 1.0}}))


def test_shares_count_the_links_left_out():
    lexicon = Lexicon.from_counts({"free": {"huru": 5, "bure": 3, "wazi": 1, "uhuru": 3}, "x": {"y": 1}}, "sw", top=2)
    assert list(lexicon.entries["free"].items()) == [("huru", 5 / 12), ("bure", 3 / 12)]
    assert lexicon.entries.keys() == {"free"}


@pytest.mark.parametrize("arguments", [{"min_count": 0}, {"top": 0}])
def test_arguments_out_of_range(arguments):
    with pytest.raises(DataError, match="at least 1"):
        Lexicon.from_counts({}, "sw", **arguments)


@pytest.mark.parametrize("language", ["de", "es", "ha", "ig", "ru", "sw", "yo"])
def test_real_lexicons(suite, language):
    lexicon = Lexicon.read(suite / "lexicon" / f"{language}.tsv", language)
    assert lexicon.report.rows_kept > 0.99 * lexicon.report.rows_read
    assert sum(map(len, lexicon.entries.values())) == lexicon.report.rows_kept
    assert any(" " in key for key in lexicon.entries)


def test_a_header_that_names_the_language_is_no_entry(tmp_path):
    (tmp_path / "l.tsv").write_text("english\tswahili\nwater\tmaji\n")
    with pytest.raises(
        DataError, match=r"l.tsv:1: column 'non_english': missing; write `english` and `non_english`, not 'swahili'"
    ):
        Lexicon.read(tmp_path / "l.tsv", "sw")


@pytest.mark.parametrize("translation", ["maji\tsafi", "maji  safi", " maji", ""])
def test_a_translation_that_a_file_cannot_hold(translation):
    with pytest.raises(DataError, match="is not a translation of 'water'"):
        Lexicon("sw", {"water": {translation: 1.0}})
