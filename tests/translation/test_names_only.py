from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data import DataError
from hf_optical.lexicon import word_key, words
from hf_optical.translation import NamesOnly

ENGLISH = {"Kenya", "Berlin", "The", "the", "hand", "Hand", "art", "Nile", "FORD-Kenya", "iPhone", "in", "Rose", "rose", "Köln"}


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("Nani alianzisha FORD-Kenya mwaka 1990?", "FORD-Kenya 1990"),
        ("Kenya iko wapi?", "Kenya"),  # at the beginning, but never in lower case in English
        ("Hand ya nani?", ""),  # at the beginning, and an English word in lower case
        ("Je, Hand ni nani?", "Hand"),
        ("Je? Hand ni nani?", ""),  # the beginning of the second sentence
        ("Rais wa Tanzania ni nani?", ""),  # not in this English vocabulary
        ("Столица Кении Nile?", "Nile"),
        ("Welche Stadt liegt am Fluss bei Berlin und Köln?", "Berlin Köln"),  # German nouns are no names
        ("Barua ya B2B ni nini, 3D?", "B2B 3D"),
        ("KENYA IKO THE WAPI", "KENYA"),  # nothing but capitals: they tell nothing
        ("Сколько стоит самый новый iphone in Berlin?", "iphone in Berlin"),  # Latin letters in another script
        ("kenya iko wapi?", ""),
        ("Wer wohnt in Koln?", ""),
        ("", ""),
        ("?!", ""),
    ],
)
def test_keeps_what_is_spelt_alike(query, kept):
    assert NamesOnly(ENGLISH).translate([query]) == [kept]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("Rais wa Tanzania ni nani?", "Tanzania"),
        ("Tanzania ni nini?", ""),  # at the beginning: only what English has
        ("RAIS WA TANZANIA", ""),
        ("Где Кения и Nile?", "Nile"),  # no English retriever reads it
    ],
)
def test_names_that_english_has_not(query, kept):
    assert NamesOnly(ENGLISH, unknown_names=True).translate([query]) == [kept]


@given(st.lists(st.text(alphabet="KenyaBrl1 ?.àÀọ̀ЯяƁ", max_size=30), max_size=4))
def test_output_is_a_subsequence_of_the_words(queries):
    found = NamesOnly(ENGLISH).translate(queries)
    assert len(found) == len(queries)
    for query, kept in zip(queries, found, strict=True):
        remaining = iter(words(query))
        assert all(word in remaining for word in kept.split())
        digits = [word for word in words(query) if any(map(str.isdigit, word))]
        assert [word for word in kept.split() if any(map(str.isdigit, word))] == digits


@pytest.mark.parametrize("vocabulary", [set(), "Kenya"])
def test_vocabulary_must_be_words(vocabulary):
    with pytest.raises(DataError, match="English vocabulary"):
        NamesOnly(vocabulary)


def rows(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines][1:]


def test_what_is_kept_of_real_text_is_in_its_english(suite):
    with gzip.open(suite / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        english = {word for line in lines for word in words(json.loads(line)["text"])}
    names = NamesOnly(english)
    for language, source, least in (("sw", "afriqa-train", 0.75), ("de", "ntrex", 0.6), ("ru", "ntrex", 0.6)):
        pairs = [row[:2] for row in rows(suite / "bitext" / f"{language}.tsv.gz") if row[2] == source][:300]
        kept = names.translate([foreign for _, foreign in pairs])
        found = [word_key(w) in set(map(word_key, words(e))) for (e, _), k in zip(pairs, kept, strict=True) for w in words(k)]
        assert len(found) > 150
        assert sum(found) / len(found) > least, (language, sum(found) / len(found))
