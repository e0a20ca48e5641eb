"""IBM Model 1: parity with a plain implementation, and what must hold of it on any bitext."""

import random
from collections import Counter, defaultdict
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data import DataError
from hf_optical.data.tables import read_tsv
from hf_optical.lexicon import WordAlignment, ibm_model, word_key, words

BITEXT = st.lists(
    st.tuples(*(st.lists(st.sampled_from(letters), min_size=1, max_size=6).map(" ".join) for letters in ("abcdef", "uvwxyzab"))),
    min_size=1,
    max_size=8,
)


def real_pairs(suite, language, count):
    return [tuple(row.fields[:2]) for row in islice(read_tsv(suite / "bitext" / f"{language}.tsv.gz"), 1, count + 1)]


def plain_model(pairs, iterations):
    """p(target | source) by EM over every occurrence, in dictionaries; NULL is None."""
    pairs = [([None, *map(word_key, words(source))], [word_key(w) for w in words(target)]) for source, target in pairs]
    p = defaultdict(lambda: 1.0)
    for _ in range(iterations):
        count, total = defaultdict(float), defaultdict(float)
        for source, target in pairs:
            for t in target:
                norm = sum(p[s, t] for s in source)
                for s in source:
                    count[s, t] += p[s, t] / norm
                    total[s] += p[s, t] / norm
        p = defaultdict(float, {(s, t): value / total[s] for (s, t), value in count.items()})
    return p


def check_table(table, expected):
    for (source, target), p in expected.items():
        if source is not None and p > 0.01 + 1e-9 and len(table[source]) < 10:
            assert table[source][target] == pytest.approx(p, abs=1e-9)
    for source, row in table.items():
        for target, p in row.items():
            assert p == pytest.approx(expected[source, target], abs=1e-9)


@given(BITEXT, st.integers(1, 6))
def test_as_a_plain_implementation_has_it(pairs, iterations):
    alignment = WordAlignment.fit(pairs, iterations=iterations)
    check_table(alignment.foreign_given_english, plain_model(pairs, iterations))
    check_table(alignment.english_given_foreign, plain_model([(f, e) for e, f in pairs], iterations))


def test_as_a_plain_implementation_has_it_on_real_text(suite):
    pairs = real_pairs(suite, "yo", 60)
    alignment = WordAlignment.fit(pairs, iterations=4, max_words=1000)
    check_table(alignment.foreign_given_english, plain_model(pairs, 4))


@given(BITEXT)
def test_tables_are_probabilities_best_first(pairs):
    alignment = WordAlignment.fit(pairs)
    for table in (alignment.english_given_foreign, alignment.foreign_given_english):
        for row in table.values():
            values = list(row.values())
            assert 0 < len(values) <= 10
            assert min(values) >= 0.01
            assert sum(values) <= 1 + 1e-12
            assert all(a >= b - 1e-9 for a, b in pairwise(values))


@given(BITEXT)
def test_likelihood_never_falls(pairs):
    for values in WordAlignment.fit(pairs, iterations=8).log_likelihood.values():
        assert len(values) == 8
        assert all(after >= before - 1e-9 * abs(before) for before, after in pairwise(values))


@given(BITEXT, st.randoms(use_true_random=False))
def test_order_of_the_pairs_changes_nothing(pairs, rng):
    shuffled = rng.sample(pairs, len(pairs))
    assert WordAlignment.fit(pairs) == WordAlignment.fit(shuffled)


@given(BITEXT)
def test_sides_swapped_swap_the_tables(pairs):
    there, back = WordAlignment.fit(pairs), WordAlignment.fit([(f, e) for e, f in pairs])
    assert there.english_counts == back.foreign_counts
    for a, b in (
        (there.english_given_foreign, back.foreign_given_english),
        (there.foreign_given_english, back.english_given_foreign),
    ):
        assert a.keys() == b.keys()
        assert all(a[key] == pytest.approx(b[key], abs=1e-9) for key in a)


def test_chunks_change_nothing(monkeypatch):
    draw = random.Random(1)
    pairs = [(" ".join(draw.choices("abcdefgh", k=5)), " ".join(draw.choices("stuvwxyz", k=6))) for _ in range(50)]
    whole = WordAlignment.fit(pairs)
    monkeypatch.setattr(ibm_model, "_CHUNK", 100)
    parts = WordAlignment.fit(pairs)
    assert parts.links == whole.links
    assert parts.english_given_foreign.keys() == whole.english_given_foreign.keys()
    for key, row in whole.english_given_foreign.items():
        assert parts.english_given_foreign[key] == pytest.approx(row, abs=1e-12)


def test_known_small_example():
    pairs = [("the house", "nyumba"), ("the big house", "nyumba kubwa"), ("the big farm", "shamba kubwa"), ("the farm", "shamba")]
    alignment = WordAlignment.fit(pairs, iterations=30)
    assert {f: next(iter(row)) for f, row in alignment.english_given_foreign.items()} == {
        "kubwa": "big",
        "nyumba": "house",
        "shamba": "farm",
    }
    assert alignment.links == {"big": {"kubwa": 2}, "farm": {"shamba": 2}, "house": {"nyumba": 2}}
    assert alignment.lexicon("sw").entries == {"big": {"kubwa": 1.0}, "farm": {"shamba": 1.0}, "house": {"nyumba": 1.0}}
    assert len(alignment.lexicon("sw", min_count=3)) == 0
    assert alignment.english_counts == Counter({"the": 4, "big": 2, "house": 2, "farm": 2})


def test_names_that_always_stand_together_are_linked_by_their_spelling():
    alignment = WordAlignment.fit([("Amina Juma Otieno", "Otieno Juma Amina")] * 2)
    assert alignment.links == {"amina": {"amina": 2}, "juma": {"juma": 2}, "otieno": {"otieno": 2}}


def test_words_that_come_twice_in_a_sentence_are_linked_twice():
    alignment = WordAlignment.fit([("rain rain", "mvua mvua mvua"), ("sun", "jua")])
    assert alignment.links == {"rain": {"mvua": 2}, "sun": {"jua": 1}}


def test_keys_fold_case_and_form():
    alignment = WordAlignment.fit([("Cow", "Ng’ombe"), ("COW", "ng'OMBE")])
    assert alignment.links == {"cow": {"ng'ombe": 2}}


def test_pairs_left_out_are_counted():
    alignment = WordAlignment.fit([("a b", "c"), ("a b c", "d"), ("a", "!"), ("", ""), ("x", "d e f")], max_words=2)
    assert alignment.pairs == {"read": 5, "used": 1, "too long": 2, "without words": 2}
    assert alignment.english_counts == Counter("ab")


def test_saved_and_loaded(tmp_path):
    alignment = WordAlignment.fit([("the house", "nyumba"), ("the big house", "nyumba kubwa")])
    for name in ("a.json.gz", "a.json"):
        alignment.save(tmp_path / name)
        assert WordAlignment.load(tmp_path / name) == alignment
        assert WordAlignment.load(tmp_path / name).english_counts["absent"] == 0
    assert (tmp_path / "a.json.gz").read_bytes()[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("text", ["{", "[]", '{"links": {}}', '{"links": 1}'])
def test_other_files_are_not_loaded(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json"):
        WordAlignment.load(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("pairs", "arguments", "words"),
    [
        ([], {}, "none of the 0 pairs"),
        ([("...", "maji")], {}, "none of the 1 pairs"),
        ([("a", "b"), "ab"], {}, "pair 2"),
        ([("a", "b", "c")], {}, "pair 1"),
        ([("a", None)], {}, "pair 1"),
        ([("a", "b")], {"iterations": 0}, "iterations is 0"),
        ([("a", "b")], {"max_words": 0}, "max_words is 0"),
    ],
)
def test_bad_input_is_refused(pairs, arguments, words):
    with pytest.raises(DataError, match=words):
        WordAlignment.fit(pairs, **arguments)


def test_real_swahili(suite):
    lexicon = WordAlignment.fit(real_pairs(suite, "sw", 1500)).lexicon("sw", min_count=3)
    expected = {"government": "serikali", "president": "rais", "women": "wanawake", "children": "watoto", "people": "watu"}
    assert {word: next(iter(lexicon.entries[word])) for word in expected} == expected
