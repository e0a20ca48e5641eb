"""A small language whose words the tiny tokenizers break into characters, and students of three families."""

import random
from collections import Counter

import pytest

from hf_optical.lexicon.word_alignment import WordAlignment

# English word -> translation; "market" and "water" are tokens of the tiny tokenizers, "nairobi" is a name
TRANSLATIONS = {
    **{"market": "sokoni", "water": "majini", "farm": "shambani", "school": "shuleni", "river": "mtoni", "child": "watoto"},
    **{"kiln": "tanuru", "nairobi": "nairobi"},
}


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    """120 sentences, word by word; "rarely" once. Every word but that occurs often."""
    draw = random.Random(0)
    english = [draw.sample(sorted(TRANSLATIONS), k=draw.randint(2, 5)) for _ in range(120)]
    rows = [(" ".join(e), " ".join(TRANSLATIONS[word] for word in e)) for e in english]
    return [*rows, ("rarely", "mara")]


@pytest.fixture(scope="session")
def make_alignment():
    """`make_alignment({foreign key: {English key: probability}})`."""

    def make(table: dict[str, dict[str, float]]) -> WordAlignment:
        return WordAlignment(table, {}, Counter(), Counter(), {}, {}, {})

    return make


@pytest.fixture(scope="session")
def alignment(make_alignment) -> WordAlignment:
    table = {foreign: {english: 0.6, "the": 0.2} for english, foreign in TRANSLATIONS.items()}
    return make_alignment(table | {"nairobi": {"nairobi": 0.9}, "mara": {"rarely": 1.0}})


@pytest.fixture(params=["bert", "xlm-roberta", "modernbert"])
def student(request, encoder_dir, tiny_teacher):
    """A student of its own around a WordPiece, Unigram or byte-level BPE encoder, to be changed at will."""
    from hf_optical.models import OpticalStudentModel

    return OpticalStudentModel.from_encoder(encoder_dir(request.param), tiny_teacher, languages=["sw"], do_query_expansion=False)
