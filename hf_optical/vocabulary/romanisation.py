"""Letters of other scripts written in Latin ones, so that an English vocabulary has pieces for them: `romanise`."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from ..models import OpticalStudentModel
from .extensible import survives_reload

logger = logging.getLogger(__name__)

# Scripts with more letters (Han, Hangul) would make the tokenizer slow: of these only the letters that occur.
_MANY_LETTERS = 1_000


def romanise(student: OpticalStudentModel, texts: Iterable[str]) -> dict[str, int]:
    """Let a student read the scripts of these texts in Latin letters; its tokenizer is replaced, its weights stay.

    An English vocabulary has no piece of an Amharic word, and of a Russian one single letters. Written in Latin letters
    (`Варшава` as `varshava`, `ሰላም` as `selam`), loans and names share pieces with English, and new words can be added as in any
    language. It is done by the tokenizer's normaliser, letter by letter as anyascii has it (https://github.com/anyascii/anyascii):
    places in the text are kept, nothing else need know of it, and every loader of the saved student does it too. Latin letters,
    digits and punctuation are left as they are. Before `adapt_vocabulary`, not after it: its words are those of this tokenizer.

    Args:
        student: changed in place.
        texts: sentences of the language.

    Returns:
        Script, by its name in Unicode -> how many letters of the texts are of it; empty if all are Latin: then nothing is changed.

    Raises:
        ValueError: the tokenizer is not a fast one, or does not come back the same when it is saved and loaded.

    Example:
        >>> romanise(student, ["Варшава - столица Польши."])  # doctest: +SKIP
        {'CYRILLIC': 20}
        >>> student.tokenizer.tokenize("Варшава")  # doctest: +SKIP
        ['var', '##sha', '##va']
    """
    if not getattr(student.tokenizer, "is_fast", False):
        raise ValueError(f"{type(student.tokenizer).__name__} is no fast tokenizer: only one with a tokenizer.json can be changed.")
    letters: Counter[str] = Counter()
    sample: list[str] = []
    for text in texts:
        letters.update(text)
        if len(sample) < 100 and not text.isascii():
            sample.append(text)
    found = _by_script(letters)
    found.pop("LATIN", None)
    if not found:
        return {}
    tokenizer = _romanised(student.tokenizer, _spellings(student.tokenizer, found, letters))
    if not survives_reload(tokenizer, sample):
        raise ValueError(f"{type(student.tokenizer).__name__} cannot be romanised: it is another when it is saved and loaded.")
    student.tokenizer = tokenizer
    logger.info("romanised: %s", ", ".join(f"{count:,} letters of {name.title()}" for name, count in found.items()))
    return found


def share_not_latin(texts: Iterable[str]) -> float:
    """Share of the letters of texts that are of other scripts than Latin.

    Example:
        >>> share_not_latin(["Вода maji"])
        0.5
    """
    scripts = _by_script(Counter(c for text in texts for c in text))
    return 1 - scripts.get("LATIN", 0) / sum(scripts.values()) if scripts else 0.0


def _by_script(letters: Mapping[str, int]) -> dict[str, int]:
    """Script -> how many of these letters are of it, most first."""
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        if script := _script(letter):
            scripts[script] += count
    return dict(scripts.most_common())


def _script(letter: str) -> str:
    """First word of the letter's name, "" for what is no letter and for modifiers."""
    return unicodedata.name(letter, "").split(" ")[0] if unicodedata.category(letter) in ("Lu", "Ll", "Lt", "Lo") else ""


def _spellings(tokenizer: PreTrainedTokenizerBase, scripts: Iterable[str], seen: Iterable[str]) -> dict[str, str]:
    """Letter, as the tokenizer's normaliser leaves it -> Latin letters. Signs that have no sound of their own have none."""
    from anyascii import anyascii

    normalizer = tokenizer.backend_tokenizer.normalizer
    known = set(scripts)
    letters: dict[str, list[str]] = {name: [] for name in known}
    for letter in map(chr, range(0x250, sys.maxunicode + 1)):
        if (name := _script(letter)) in known:
            letters[name].append(letter)
    chosen = dict.fromkeys(c for found in letters.values() if len(found) <= _MANY_LETTERS for c in found)
    chosen |= dict.fromkeys(c for c in sorted(set(seen)) if _script(c) in known)
    # a letter that the normaliser takes apart or makes small never meets what comes after it
    stable = [c for c in chosen if normalizer is None or normalizer.normalize_str(c).strip() == c]
    keeps_case = normalizer is None or normalizer.normalize_str("A") == "A"
    spelt = {c: "".join(x for x in anyascii(c) if x.isalnum()) for c in stable}
    return spelt if keeps_case else {c: text.lower() for c, text in spelt.items()}


def _romanised(tokenizer: PreTrainedTokenizerBase, spellings: dict[str, str]) -> PreTrainedTokenizerBase:
    """A tokenizer of the general class: those of single models (BERT's) make their normaliser anew when they are loaded."""
    settings = json.loads(tokenizer.backend_tokenizer.to_str())
    before = [settings["normalizer"]] if settings["normalizer"] else []
    replacements = [{"type": "Replace", "pattern": {"String": c}, "content": text} for c, text in spellings.items()]
    named = tokenizer.special_tokens_map
    settings["normalizer"] = {"type": "Sequence", "normalizers": [*before, *replacements]}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(settings)),
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
        **named,
        extra_special_tokens=[token for token in tokenizer.all_special_tokens if token not in named.values()],
    )
