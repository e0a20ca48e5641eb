import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.errors import DataError
from hf_optical.data.filters import BitextFilter

LONG_EN, LONG_SW = "a sentence of thirty characters", "sentensi ya herufi thelathini na"


@pytest.mark.parametrize(
    ("filters", "english", "other", "reason"),
    [
        (BitextFilter(), LONG_EN, LONG_SW, ""),
        (BitextFilter(), "Hi", " \u200b\u00ad", "empty side"),
        (BitextFilter(min_characters=3), "Hi", "Habari", "too short"),
        (BitextFilter(max_characters=5), "Hi", "Habari", "too long"),
        (BitextFilter(max_characters=6), "Hi", "Habari", ""),
        (BitextFilter(), "Nairobi, Kenya", "NAIROBI KENYA!", "identical sides"),
        (BitextFilter(drop_identical=False), "Nairobi", "Nairobi", ""),
        (BitextFilter(), "caf\ufffd", "mkahawa", "bad encoding"),
        (BitextFilter(), "cafÃ©", "mkahawa", "bad encoding"),
        (BitextFilter(drop_bad_encoding=False), "cafÃ©", "mkahawa", ""),
        (BitextFilter(), "x" * 21, "y" * 64, "length ratio"),
        (BitextFilter(), "x" * 64, "y" * 21, "length ratio"),
        (BitextFilter(), "x" * 21, "y" * 63, ""),
        (BitextFilter(), "x", "y" * 19, ""),
        (BitextFilter(ratio_from_characters=0), "x", "y" * 19, "length ratio"),
        (BitextFilter(max_length_ratio=None), "x" * 10, "y" * 1000, ""),
    ],
)
def test_reasons(filters, english, other, reason):
    assert filters.reason(english, other, expected_ratio=1.0) == reason


@given(st.integers(20, 400), st.integers(20, 400), st.floats(0.2, 5.0), st.floats(1.0, 4.0))
def test_ratio_is_symmetric_about_the_expected_one(english, other, expected, bound):
    filters = BitextFilter(max_length_ratio=bound, drop_identical=False)
    rejected = filters.reason("x" * english, "y" * other, expected) == "length ratio"
    assert rejected == (other / english > expected * bound or other / english * bound < expected) or (
        # on the bound itself rounding decides
        abs(other / english / expected - bound) < 1e-9 or abs(english / other * expected - bound) < 1e-9
    )


def test_expected_ratio_is_the_median():
    pairs = [("x" * 100, "y" * n) for n in (120, 200, 130)]
    assert BitextFilter().expected_length_ratio(pairs) == 1.3
    assert BitextFilter(relative_to_median=False).expected_length_ratio(pairs) == 1.0
    assert BitextFilter(max_length_ratio=None).expected_length_ratio(pairs) is None
    assert BitextFilter().expected_length_ratio([]) == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_characters": 0}, "min_characters is 0"),
        ({"min_characters": 9, "max_characters": 8}, "max_characters 8 is less than min_characters 9"),
        ({"max_length_ratio": 0.5}, "max_length_ratio is 0.5"),
        ({"max_length_ratio": float("nan")}, "max_length_ratio is nan"),
    ],
)
def test_impossible_filters_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        BitextFilter(**options)
