import re

import pytest

from hf_optical.data.errors import DataError
from hf_optical.data.iso639_3 import three_letter_codes
from hf_optical.data.languages import check_language, check_non_english, language_name, languages, pair, same_language


def test_table_holds_every_two_letter_code_once():
    two = [code for code in languages() if len(code) == 2]
    assert len(two) == 184  # ISO 639-1: 183 languages and the retired but common "sh"
    assert len({language.three for language in languages().values()}) == len(languages())
    for language in languages().values():
        assert re.fullmatch(r"[a-z]{2,3}", language.code)
        assert re.fullmatch(r"[a-z]{3}", language.three)
        assert language.english
        assert language.native


def test_three_letter_codes_are_those_without_a_two_letter_one():
    codes = three_letter_codes()
    assert len(codes) == 6907
    assert all(re.fullmatch(r"[a-z]{3}", code) for code in codes)
    assert not codes & {language.three for language in languages().values() if len(language.code) == 2}
    assert codes >= {code for code in languages() if len(code) == 3}


@pytest.mark.parametrize("code", ["sw", "SW", " yo ", "ceb", "dag", "fon"])
def test_codes_are_accepted_in_lower_case(code):
    assert check_language(code) == code.strip().lower()


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("swahili", "write 'sw' (Swahili)"),
        ("Kiswahili", "write 'sw' (Swahili)"),
        ("swahilli", "'sw' (Swahili)"),
        ("swa", "write 'sw' (Swahili)"),
        ("swh", "write 'sw' (Swahili)"),
        ("sw-KE", "write 'sw' (Swahili)"),
        ("sw_KE", "write 'sw' (Swahili)"),
        ("ws", "did you mean 'sw' (Swahili)?"),
        ("yx", "the codes in 'y' are yi (Yiddish), yo (Yoruba)"),
        ("Yoruba", "write 'yo' (Yoruba)"),
        ("", "write an ISO 639-1 code such as 'sw'"),
        (None, "write for example 'sw'"),
    ],
)
def test_other_spellings_are_refused_with_the_code_to_write(code, hint):
    with pytest.raises(DataError) as raised:
        check_language(code)
    assert hint in str(raised.value)


def test_pair_is_query_language_first():
    assert pair("sw") == "sw-en"
    with pytest.raises(DataError, match="name the language of the other side"):
        pair("en")
    with pytest.raises(DataError, match="'en'"):
        check_non_english("EN")


def test_names():
    assert language_name("ig") == "Igbo"
    assert language_name("aab") == "aab"


@pytest.mark.parametrize(
    ("tag", "code", "same"),
    [("sw", "sw", True), ("SW_ke", "sw", True), ("swa", "sw", True), ("swh-TZ", "sw", True), ("swe", "sw", False),
     ("eng", "en", True), ("en-GB", "en", True), ("", "sw", False), ("ceb", "ceb", True)],
)  # fmt: skip
def test_tags_of_files(tag, code, same):
    assert same_language(tag, code) is same
