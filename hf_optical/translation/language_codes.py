"""How translation models call languages: `swh_Latn` (NLLB), `sw` (M2M100), `sw_KE` (mBART), `>>swh<<` (opus-mt)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from ..data.errors import DataError, did_you_mean
from ..data.iso639_3 import three_letter_codes
from ..data.languages import check_language, language_name, languages, same_language

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Members of a macrolanguage that models have instead of it, and codes of their own making.
_INSTEAD = {"fuv": "ff", "fub": "ff", "nob": "no", "nno": "no", "nb": "no", "nn": "no", "no": "nb", "ns": "nso", "dik": "din"}
# Where a language is written in several scripts or stands for several members, the usual one.
_USUAL = ("nob_Latn", "zho_Hans", "zh_CN", "kas_Arab", "ace_Latn", "bjn_Latn", "knc_Latn", "taq_Latn", "pt_XX")
_TAG = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")
_PREFIX = re.compile(r">>(.+)<<|<2(.+)>")


def model_code(language: str, codes: Collection[str], model: str) -> str:
    """The model's code for a language.

    Args:
        language: ISO 639-1 code (639-3 where there is none), or one of the model's own codes, taken as it is.
        codes: all codes of the model.
        model: its name, for the message.

    Raises:
        DataError: there is no such language, or the model does not have it.

    Example:
        >>> model_code("sw", ["eng_Latn", "swe_Latn", "swh_Latn"], "nllb"), model_code("sw", ["en_XX", "sw_KE"], "mbart")
        ('swh_Latn', 'sw_KE')
    """
    if language in codes:
        return language
    wanted = check_language(language)
    found = [code for code in sorted(codes) if same_language(code, wanted)]
    found = found or [code for code in sorted(codes) if _INSTEAD.get(code.split("_")[0]) == wanted]
    if not found:
        fix = did_you_mean(language, codes) or f"it has, for example: {', '.join(sorted(codes)[:8])}"
        raise DataError(f"the model does not know {language_name(wanted)} ({wanted})", path=model, fix=fix)
    return next((code for code in _USUAL if code in found), found[0])


def language_codes(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Codes of a tokenizer that must be told its languages (NLLB, M2M100, mBART); none for others."""
    if not hasattr(tokenizer, "src_lang"):
        return []
    # M2M100 spells its tokens __sw__ and keeps the codes in a table
    table = getattr(tokenizer, "lang_code_to_token", None) or getattr(tokenizer, "lang_code_to_id", None)
    return sorted(table or {token for token in tokenizer.get_vocab() if _TAG.fullmatch(token)})


def target_prefix(tokenizer: PreTrainedTokenizerBase, language: str, model: str) -> str:
    """What a model with several target languages wants before the text: `>>eng<< ` (opus-mt), `<2en> ` (MADLAD); else nothing.

    Raises:
        DataError: the model has such prefixes, but none for this language.
    """
    prefixes = {next(filter(None, match.groups())): token for token in tokenizer.get_vocab() if (match := _PREFIX.fullmatch(token))}
    return f"{prefixes[model_code(language, prefixes, model)]} " if prefixes else ""


def check_pair(tokenizer: PreTrainedTokenizerBase, source: str, target: str, model: str) -> None:
    """Compare with the languages that a model of one pair says it has; families (`mul`, `roa`) say nothing that can be compared.

    Raises:
        DataError: there is no such language, or the model is for another.
    """
    for key, wanted in (("source_lang", source), ("target_lang", target)):
        stated, code = tokenizer.init_kwargs.get(key), check_language(wanted)
        if not isinstance(stated, str) or same_language(stated, code) or not _is_language(stated):
            continue
        way = "from" if key == "source_lang" else "into"
        fix = f"give a model for {code!r}, or the language {stated!r} if that is meant"
        raise DataError(f"the model translates {way} {stated!r}, not {code!r}", path=model, fix=fix)


def _is_language(tag: str) -> bool:
    return tag in three_letter_codes() or any(same_language(tag, code) for code in languages())
