"""Intervals, tests and corrections: against scipy, against formulas written out here, and by simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from hf_optical.evaluation.significance import (
    bootstrap_interval,
    bootstrap_means,
    holm,
    randomisation_test,
    ratio_interval,
    wins_and_losses,
)

VALUES = st.integers(2, 30).flatmap(lambda n: arrays(float, (2, n), elements=st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0])))
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(VALUES)
def test_p_is_a_probability_symmetric_and_repeatable(values):
    p = randomisation_test(*values, resamples=200)
    assert 0 < p <= 1
    assert p == randomisation_test(values[1], values[0], resamples=200)
    assert p == randomisation_test(*values, resamples=200)


@given(VALUES)
def test_equal_systems_do_not_differ(values):
    assert randomisation_test(values[0], values[0]) == 1
    assert wins_and_losses(values[0], values[0]) == (0, 0)


def test_p_of_few_queries_is_exact():
    random = np.random.default_rng(1)
    for size in (1, 3, 8):
        first, second = random.random((2, size))
        differences = first - second
        every = [abs(np.dot(signs, differences)) for signs in itertools.product([1, -1], repeat=size)]
        expected = np.mean([value >= abs(differences.sum()) - 1e-12 for value in every])
        assert randomisation_test(first, second) == pytest.approx(expected)


def test_p_of_many_queries_is_that_of_scipy():
    random = np.random.default_rng(2)
    second = (random.random(200) < 0.5).astype(float)
    first = np.where(random.random(200) < 0.15, 1.0, second)
    first[:15] = 0.0

    def size(differences, axis):
        return np.abs(differences.sum(axis=axis))

    options = {"permutation_type": "samples", "alternative": "greater", "n_resamples": 20_000, "rng": np.random.default_rng(0)}
    expected = stats.permutation_test((first - second,), size, **options)
    assert randomisation_test(first, second, resamples=20_000) == pytest.approx(expected.pvalue, abs=0.01)


def test_p_of_wins_and_losses_is_binomial():
    """With values of 0 and 1 the test is the sign test, whose p is known."""
    first, second = np.zeros(300), np.zeros(300)
    first[:40], second[40:58] = 1, 1
    assert wins_and_losses(first, second) == (40, 18)
    assert randomisation_test(first, second, resamples=50_000) == pytest.approx(stats.binomtest(18, 58).pvalue, abs=0.002)


def test_p_is_uniform_if_nothing_differs():
    random = np.random.default_rng(3)
    ps = [randomisation_test(*random.random((2, 40)), resamples=400, seed=i) for i in range(300)]
    assert stats.kstest(ps, "uniform").pvalue > 0.001


def test_strata_are_averaged_not_pooled():
    """A hundred questions of one language weigh as much as ten of another."""
    few, many = np.ones(10), np.zeros(100)
    low, high = bootstrap_interval([few, many])
    assert low == high == pytest.approx(0.5)
    better, worse = np.array([1.0] * 5 + [0.0] * 5), np.zeros(10)
    none = np.zeros(100)
    assert randomisation_test([better, none], [worse, none]) == randomisation_test(better, worse) == pytest.approx(2 / 32)
    assert wins_and_losses([better, none], [worse, none]) == (5, 0)


def test_weights_choose_the_statistic():
    low, high = bootstrap_interval([np.zeros(5), np.ones(5)], weights=[0.25, 0.75])
    assert (low, high) == (0.75, 0.75)
    assert bootstrap_means([np.zeros(5), np.ones(5)], weights=[0.25, 0.75], resamples=3) == pytest.approx([0.75] * 3)


@pytest.mark.parametrize("size", [12, 60, 300])
def test_interval_is_that_of_scipy(size):
    values = np.random.default_rng(size).beta(0.5, 1.5, size)
    expected = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=10_000, rng=np.random.default_rng(0))
    found = bootstrap_interval(values)
    width = expected.confidence_interval.high - expected.confidence_interval.low
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=0.04 * width)


def test_interval_of_strata_is_that_of_scipy():
    random = np.random.default_rng(0)
    one, two = random.beta(0.5, 1.5, 40), random.beta(2, 1, 90)

    def mean_of_means(x, y, axis):
        return (x.mean(axis=axis) + y.mean(axis=axis)) / 2

    expected = stats.bootstrap((one, two), mean_of_means, method="BCa", n_resamples=10_000, rng=random).confidence_interval
    assert bootstrap_interval([one, two]) == pytest.approx(tuple(expected), abs=0.04 * (expected.high - expected.low))


def test_interval_covers_the_truth():
    random = np.random.default_rng(5)
    covered = 0
    for i in range(400):
        low, high = bootstrap_interval((random.random(60) < 0.7).astype(float), resamples=600, seed=i)
        covered += low <= 0.7 <= high
    assert 0.91 <= covered / 400 <= 0.98


def test_columns_share_their_resamples_and_equal_single_ones():
    values = np.random.default_rng(6).random((50, 3))
    low, high = bootstrap_interval(values, resamples=500)
    for column in range(3):
        assert (low[column], high[column]) == pytest.approx(bootstrap_interval(values[:, column], resamples=500))
    means = bootstrap_means(np.stack([values[:, 0], 2 * values[:, 0]], axis=1), resamples=100)
    assert means[:, 1] == pytest.approx(2 * means[:, 0])


@given(VALUES, st.floats(0.5, 0.99))
def test_interval_is_in_order_and_within_the_values(values, confidence):
    low, high = bootstrap_interval(values[0], confidence=confidence, resamples=200)
    assert values[0].min() - 1e-9 <= low <= high <= values[0].max() + 1e-9


def test_ratio_is_paired():
    teacher = np.random.default_rng(7).random(80)
    assert ratio_interval(0.9 * teacher, teacher) == pytest.approx((0.9, 0.9))
    low, high = ratio_interval(np.random.default_rng(8).random(80), teacher)
    assert low < high


@given(P_VALUES)
def test_holm_is_monotone_and_never_less_than_p(ps):
    corrected = holm(ps)
    assert all(p <= c <= 1 for p, c in zip(ps, corrected, strict=True))
    in_order = [corrected[i] for i in np.argsort(ps, kind="stable")]
    assert in_order == sorted(in_order)


@given(P_VALUES)
def test_holm_by_its_definition(ps):
    """The corrected p of a hypothesis: the least level at which the step-down procedure rejects it."""
    corrected = holm(ps)
    ranked = sorted(range(len(ps)), key=lambda i: (ps[i], i))
    for place, i in enumerate(ranked):
        expected = max(min(1.0, (len(ps) - j) * ps[ranked[j]]) for j in range(place + 1))
        assert corrected[i] == pytest.approx(expected)


def test_holm_of_a_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval([0.5]), "2 or more values are needed in every stratum, one has 1"),
        (lambda: bootstrap_interval([0.5, float("nan")]), "must be finite"),
        (lambda: bootstrap_interval([0.5, 1.0], confidence=95), "confidence must be between 0 and 1, got 95"),
        (lambda: bootstrap_interval([0.5, 1.0], weights=[0.5, 0.5]), "2 weights for 1 strata"),
        (lambda: bootstrap_interval([0.5, 1.0], resamples=0), "resamples must be at least 1"),
        (lambda: randomisation_test([0.5, 1.0], [0.5]), "same queries, in the same order"),
        (lambda: randomisation_test([0.5, 1.0], [0.5, 0.5], resamples=0), "resamples must be at least 1"),
        (lambda: holm([0.5, 1.5]), "between 0 and 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
