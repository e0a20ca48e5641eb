"""Words as the tokenizer's model meets them, with their English translations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..lexicon.word_alignment import WordAlignment
from ..lexicon.words import word_key
from .extensible import ExtensibleVocabulary
from .initialisation import mix


@dataclass
class Unit:
    """One or more words that are the same to the tokenizer (`ọjọ́` and `ojo`, where it strips accents).

    Attributes:
        form: how a text has it; the most frequent of several.
        pieces: how it is cut.
        count: how often it occurs.
        words: keys of the words it stands for, and how often each occurs.
        translations: English word keys, best first, with weights; empty if no word is aligned.
        is_name: the best translation is spelt like it.
    """

    form: str
    pieces: list[str]
    count: int = 0
    words: Counter[str] = field(default_factory=Counter)
    translations: dict[str, float] = field(default_factory=dict)
    is_name: bool = False


def units_of(
    vocabulary: ExtensibleVocabulary, forms: Mapping[str, int], alignment: WordAlignment, *, min_count: int = 1, whole: bool = False
) -> tuple[dict[str, Unit], list[int]]:
    """The units of these forms, and how often each form occurs of which the tokenizer leaves nothing.

    The translations of words that fall onto one unit are added up by how often each word occurs; they are looked up for units
    that occur `min_count` times and, unless `whole` is set, are not a token yet.
    """
    ordered = sorted(forms, key=lambda form: (-forms[form], form))
    units: dict[str, Unit] = {}
    nothing: list[int] = []
    for form, pieces in zip(ordered, vocabulary.spell(ordered), strict=True):
        text = vocabulary.unit(form)
        if text is None:
            nothing.append(forms[form])
            continue
        unit = units.setdefault(text, Unit(form, pieces))
        unit.count += forms[form]
        unit.words[word_key(form.strip())] += forms[form]
    unit_of: dict[str, str | None] = {}
    for text, unit in units.items():
        if unit.count < min_count or (vocabulary.is_whole(unit.pieces) and not whole):
            continue
        unit.translations = mix([(count, alignment.english_given_foreign.get(word, {})) for word, count in unit.words.items()])
        best = next(iter(unit.translations), None)
        if best is not None:
            for word in (best, *unit.words):
                if word not in unit_of:
                    unit_of[word] = vocabulary.unit(f" {word}")
            unit.is_name = unit_of[best] in {text, *(unit_of[word] for word in unit.words)}
    return units, nothing
