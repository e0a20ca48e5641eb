"""Spelling variants: the nearest word as by hand, spans that lead back to the typed query, searches that ask for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from hf_optical.models import OpticalStudentModel
from hf_optical.search import DiskIndex, ExactIndex, Searcher, SpellingVariants
from hf_optical.search.hit import token_matches
from hf_optical.search.spelling_variants import Reader, max_edits, spelling_variants
from hf_optical.search.token_spans import NO_SPAN

TEXTS = [
    "The Denver Broncos won.",
    "A stadium in Tanzania, Tanza",
    "vegetation and vegetations",
    "Bronchos 1987",
    "vegetation",
]
IDS = list("abcde")


class Knowing(Reader):
    """Reads these words, and questions of any length unless told otherwise; a word is a token."""

    def __init__(self, *words, length=1000):
        self.words, self.length = words, length

    def knows(self, word):
        return word in self.words

    def tokens(self, text):
        return len(text.split())

    def room(self, query):
        return self.length - self.tokens(query)


def test_the_nearest_is_taken_and_of_equally_near_ones_the_most_frequent():
    variants = SpellingVariants([*TEXTS, "tanzanian", "stanzania"])
    assert [variants.variant(w) for w in ("tanzaniya", "vegetacion", "vegetationz", "broncoss")] == [
        "tanzania",
        "vegetation",
        "vegetation",
        "broncos",
    ]
    assert SpellingVariants(["lumber lumbar", "lumbar"]).variant("lumbir") == "lumbar"
    assert len(SpellingVariants(["One one, two"])) == 2
    # not those that are English as they stand, too short, too far away, or no words
    assert [variants.variant(w) for w in ("stadium", "denvr", "stanium9", "xegexacixn", "", "1987")] == [None] * 6
    assert SpellingVariants([]).variant("tanzaniya") is None


@given(st.lists(st.text("abc", min_size=4, max_size=9), max_size=8), st.text("abc", min_size=5, max_size=10))
def test_it_is_the_nearest_by_hand(english, word):
    found = SpellingVariants(english).variant(word)
    near = {other: Levenshtein.distance(word, other) for other in english}
    near = {other: edits for other, edits in near.items() if edits <= max_edits(len(word))}
    assert (found is None) == (not near or word in english)
    if found:
        assert near[found] == min(near.values())


def test_words_are_written_as_the_collection_mostly_writes_them():
    variants = SpellingVariants(["NATO Stadium", "stadium", "the stadium in Tanzania", "STADIUM"])
    told = {typed: variants.respell(typed, Knowing()).variants for typed in ("stadiumu", "Stadiumu", "ታንዛኒያን", "tanzaniya")}
    assert told["stadiumu"] == (("stadiumu", "stadium"),)
    assert told["Stadiumu"] == (("Stadiumu", "stadium"),)
    assert told["ታንዛኒያን"] == (("ታንዛኒያን", "Tanzania"),)  # of a script without capitals
    assert told["tanzaniya"] == (("tanzaniya", "Tanzania"),)


def test_of_a_word_of_several_parts_the_unknown_ones_have_variants():
    variants = SpellingVariants(TEXTS)
    assert variants.respell("al-Tanzaniya", Knowing()).text == "al-Tanzaniya Tanzania"
    assert variants.respell("Tanzaniya-Bronkos'un", Knowing()).variants == (("Tanzaniya-Bronkos'un", "Tanzania Broncos"),)
    assert variants.respell("al-Tanzaniya", Knowing("al", "Tanzaniya")).variants == ()
    assert variants.respell("al-Tanzaniya", Knowing("al-Tanzaniya")).variants == ()
    assert variants.respell("Tanz'aniya", Knowing()).variants == ()  # neither part has six letters


def test_a_query_and_its_spans():
    variants = SpellingVariants(TEXTS)
    respelt = variants.respell("Je, Бронкос wa Tanzaniya, vegetación 1987?", Knowing("Je", "wa"))
    assert respelt.text == "Je, Бронкос Broncos wa Tanzaniya Tanzania, vegetación vegetation 1987?"
    assert respelt.variants == (("Бронкос", "Broncos"), ("Tanzaniya", "Tanzania"), ("vegetación", "vegetation"))
    typed = "Je, Бронкос wa Tanzaniya, vegetación 1987?"
    for word, stands in {
        "Broncos": "Бронкос",
        "Бронкос": "Бронкос",
        "wa": "wa",
        "vegetation": "vegetación",
        "1987": "1987",
    }.items():
        start = respelt.text.index(word)
        assert typed[slice(*respelt.typed((start, start + len(word))))] == stands
    part = respelt.text.index("tation")
    assert typed[slice(*respelt.typed((part, part + 2)))] == "vegetación"  # a piece of a variant stands where the word does
    assert respelt.typed(NO_SPAN) == NO_SPAN
    assert variants.respell(typed, Knowing("Je", "Бронкос", "wa", "Tanzaniya", "vegetación", "1987")).text == typed


@given(st.text(st.sampled_from("Tanziya nBrocs., \u0301вг'-1"), max_size=40))
def test_what_was_typed_stays(query):
    respelt = SpellingVariants(TEXTS).respell(query, Knowing())
    rest, end = [], 0
    for (start, stop), (first, last) in respelt.added:
        rest.append(respelt.text[end:start])
        end = stop
        assert 0 <= first < last <= len(query)
    assert "".join([*rest, respelt.text[end:]]) == query
    for place, (start, stop) in enumerate(span for span, _ in respelt.added):
        assert respelt.text[start:stop] == f" {respelt.variants[place][1]}"


def test_known_words_are_single_tokens(tiny_student):
    known = Reader(tiny_student).knows
    token = next(t for t in tiny_student.tokenizer.get_vocab() if t.isalpha() and len(t) > 3)
    assert known(token)
    assert not known(token + "qqzz")
    assert known(token.capitalize())
    assert not known("水")  # no piece of the vocabulary: one unknown token


def test_what_was_typed_is_never_pushed_out(tiny_student):
    variants = SpellingVariants(TEXTS)
    typed = "Bronkos wa Tanzaniya"
    one, both = "Bronkos Broncos wa Tanzaniya", "Bronkos Broncos wa Tanzaniya Tanzania"
    for length, expected in ((5, both), (4, one), (3, typed), (2, typed)):
        respelt = variants.respell(typed, Knowing("wa", length=length))
        assert respelt.text == expected
        assert [variant for _, variant in respelt.variants] == [word for word in ("Broncos", "Tanzania") if word in expected]
    reader, length = Reader(tiny_student), tiny_student.config.query_length

    def ids(text):
        return tiny_student.processor.token_ids([text], tiny_student.processor.query_marker, 1000)[0]

    for query in ("", "a", "a Tanzya", "one two three four five six seven", "[MASK] Tanzya", "[Q] [SEP]"):
        assert reader.room(query) == length - len(ids(query))
        assert len(ids(variants.respell(query, reader).text)) <= max(length, len(ids(query)))


def test_a_long_question_costs_no_lookups(tiny_student, monkeypatch):
    variants = SpellingVariants(TEXTS)
    monkeypatch.setattr(variants, "variant", lambda word: pytest.fail("a variant was looked up"))
    assert variants.respell("qxzqxzqxz " * 200, Reader(tiny_student)).variants == ()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_teacher):
    folder = tmp_path_factory.mktemp("index") / "index"
    DiskIndex.build(folder, tiny_teacher, IDS, TEXTS, show_progress_bar=False)
    return folder


@pytest.fixture(scope="module")
def searcher(folder, tiny_student):
    index = DiskIndex.open(folder)
    return Searcher({"sw": tiny_student}, index, variants=spelling_variants(index))


# Short: the questions of the tiny student have sixteen tokens, and it spells them letter by letter.
TYPED, ASKED = "a Tanzya", "a Tanzya Tanza"


def test_a_search_asks_for_the_variants(searcher, folder, tiny_student):
    plain = Searcher({"sw": tiny_student}, DiskIndex.open(folder))
    scores = [[(hit.id, hit.score) for hit in s.search(q, 5)[0]] for s, q in ((searcher, TYPED), (plain, ASKED), (plain, TYPED))]
    assert scores[0] == scores[1] != scores[2]
    assert searcher.search(TYPED, 5, variants=False) == plain.search(TYPED, 5)
    assert searcher.search(TYPED, 5, variants=True) == searcher.search(TYPED, 5)
    assert [r.text for r in searcher.respell([TYPED, "habari"])] == [ASKED, "habari"]
    assert plain.respell([TYPED])[0].text == TYPED


def test_matches_of_a_variant_are_told_of_its_word(searcher, tiny_student):
    (hits,) = searcher.search(TYPED, 1)
    tokens = tiny_student.encode_query([ASKED])[0]
    assert {match.query_text for match in hits[0].matches} <= {TYPED[start:end] for start in range(8) for end in range(9)}
    word = (TYPED.index("Tanzya"), len(TYPED))
    of_variant = [match for match in hits[0].matches if match.query == word]
    assert of_variant
    whole = list(token_matches(ASKED, tokens, [(0, 1)] * len(tokens), searcher.index.document(hits[0].id)))
    assert {round(match.similarity, 4) for match in of_variant} <= {round(match.similarity, 4) for match in whole}


def test_variants_follow_the_documents(tmp_path, tiny_teacher, tiny_student):
    index = DiskIndex.build(tmp_path / "i", tiny_teacher, ["a"], ["rain"], show_progress_bar=False)
    searcher = Searcher({"sw": tiny_student}, index, variants=spelling_variants(index))
    assert searcher.respell([TYPED])[0].text == TYPED
    index.add(tiny_teacher, ["b"], ["Tanza"], show_progress_bar=False)
    assert searcher.respell([TYPED])[0].text == ASKED
    index.delete(["b"])
    assert searcher.respell([TYPED])[0].text == TYPED


def test_from_pretrained(folder, tmp_path, tiny_teacher, tiny_student):
    OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"]).save_pretrained(tmp_path / "sw")
    assert Searcher.from_pretrained(tmp_path / "sw", index=folder, variants=True).respell([TYPED])[0].text == ASKED
    plain = Searcher.from_pretrained(tmp_path / "sw", index=folder)
    with pytest.raises(ValueError, match="there are no spelling variants: make the searcher with them"):
        plain.search(TYPED, variants=True)
    memory = ExactIndex.build(tiny_teacher, IDS, TEXTS)
    both = Searcher({"sw": tiny_student}, memory, variants=spelling_variants(memory))
    assert [hit.id for hit in both.search(TYPED, 5)[0]] == [hit.id for hit in plain.search(ASKED, 5)[0]]
