from __future__ import annotations

import pytest
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES as MBART_50
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB

from hf_optical.data import DataError
from hf_optical.translation.language_codes import language_codes, model_code

# the part of M2M100's list that is spelt unlike the others; its tokenizer cannot be imported without sentencepiece
M2M100 = ["af", "en", "ha", "ig", "no", "ns", "sw", "yo", "zh"]


@pytest.mark.parametrize(
    ("language", "nllb"),
    [
        *[("sw", "swh_Latn"), ("ha", "hau_Latn"), ("yo", "yor_Latn"), ("ig", "ibo_Latn"), ("en", "eng_Latn"), ("de", "deu_Latn")],
        *[
            ("zh", "zho_Hans"),
            ("zho_Hant", "zho_Hant"),
            ("ar", "arb_Arab"),
            ("no", "nob_Latn"),
            ("nn", "nno_Latn"),
            ("sq", "als_Latn"),
        ],
        *[("mg", "plt_Latn"), ("ff", "fuv_Latn"), ("kr", "knc_Latn"), ("om", "gaz_Latn"), ("ceb", "ceb_Latn"), ("kab", "kab_Latn")],
    ],
)
def test_codes_of_nllb(language, nllb):
    assert model_code(language, NLLB, "nllb") == nllb


@pytest.mark.parametrize(
    ("language", "codes", "code"),
    [
        *[("sw", MBART_50, "sw_KE"), ("zh", MBART_50, "zh_CN"), ("en", MBART_50, "en_XX")],
        *[("sw", M2M100, "sw"), ("nb", M2M100, "no"), ("nso", M2M100, "ns")],
    ],
)
def test_codes_of_other_models(language, codes, code):
    assert model_code(language, codes, "model") == code


def test_every_language_of_nllb_can_be_asked_for():
    assert {model_code(code, NLLB, "nllb") for code in NLLB} == set(NLLB)


@pytest.mark.parametrize(
    ("language", "message"),
    [("swahili", "write 'sw'"), ("xx", "no language code"), ("io", "does not know Ido"), ("swh_Latm", "did you mean|write 'sw'")],
)
def test_unknown_languages(language, message):
    with pytest.raises(DataError, match=message):
        model_code(language, NLLB, "nllb")


def test_codes_come_from_the_tokenizer(nllb, marian):
    from transformers import AutoTokenizer

    assert set(language_codes(AutoTokenizer.from_pretrained(nllb))) == set(NLLB)
    assert language_codes(AutoTokenizer.from_pretrained(marian)) == []


def test_m2m100_keeps_its_codes_in_a_table():
    class Tokenizer:
        src_lang = "en"
        lang_code_to_token = {code: f"__{code}__" for code in M2M100}

    assert language_codes(Tokenizer()) == sorted(M2M100)
