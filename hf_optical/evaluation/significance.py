"""Is a difference more than chance? Bootstrap intervals, paired randomisation tests, Holm's correction. Pure functions on arrays.

Values are those of single queries, in the same order for every system. The average over several languages is a stratified
statistic: give a list of arrays, one for each language, and the mean of their means is what is estimated and tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

Strata = ArrayLike | Sequence[np.ndarray]

RESAMPLES = 10_000
# Up to so many differing queries every assignment of signs is tried (2 ** 14 of them), instead of a sample.
_EXACT_UP_TO = 14
# Numbers drawn at a time: bounds the memory of a step to some 100 MB.
_DRAWN = 4_000_000
# Means of a few thirds and sevenths differ by rounding; that is no difference.
_EQUAL = 1e-12


def bootstrap_interval(
    values: Strata,
    *,
    confidence: float = 0.95,
    weights: Sequence[float] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Confidence interval of a mean over queries by the bias-corrected and accelerated bootstrap (BCa).

    Source: Efron, "Better bootstrap confidence intervals", JASA 82 (1987); for several strata Davison and Hinkley, "Bootstrap
    Methods and their Application" (1997), section 5.3.

    Args:
        values: `(queries,)`, or `(queries, m)` for m systems that share the resamples; or a list of such arrays, one a stratum.
        confidence: probability that the interval is to cover.
        weights: of the strata's means in the statistic; default: equal, summing to 1.
        resamples: bootstrap samples.
        seed: the same seed gives the same interval.

    Returns:
        Lower and upper end, each a number or `(m,)`. Values that are all equal give an interval of no width.

    Raises:
        ValueError: fewer than two values in a stratum, values that are not finite, or an argument out of range.

    Example:
        >>> low, high = bootstrap_interval([0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0])
        >>> print(f"{low:.3f} {high:.3f}")
        0.250 0.875
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}.")
    strata, shares = _checked(values, weights)
    one = strata[0].ndim == 1
    strata = [x[:, None] if one else x for x in strata]
    means = bootstrap_means(strata, weights=shares, resamples=resamples, seed=seed)
    estimate = sum(share * x.mean(0) for share, x in zip(shares, strata, strict=True))
    influence = [share * (x - x.mean(0)) for share, x in zip(shares, strata, strict=True)]
    third = sum((u**3).sum(0) / len(u) ** 3 for u in influence)
    second = sum((u**2).sum(0) / len(u) ** 2 for u in influence)
    normal, tail = NormalDist(), (1 - confidence) / 2
    ends = np.empty((2, len(estimate)))
    for column, centre in enumerate(estimate):
        sample, spread = means[:, column], second[column]
        if spread <= _EQUAL**2:
            ends[:, column] = centre
            continue
        below = np.mean(sample < centre - _EQUAL) + np.mean(np.abs(sample - centre) <= _EQUAL) / 2
        bias = normal.inv_cdf(float(np.clip(below, 0.5 / resamples, 1 - 0.5 / resamples)))
        acceleration = third[column] / (6 * spread**1.5)
        for end, probability in enumerate((tail, 1 - tail)):
            shifted = bias + normal.inv_cdf(probability)
            ends[end, column] = np.quantile(sample, normal.cdf(bias + shifted / (1 - acceleration * shifted)))
    return (ends[0, 0], ends[1, 0]) if one else (ends[0], ends[1])


def bootstrap_means(
    values: Strata, *, weights: Sequence[float] | None = None, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """The statistic of `bootstrap_interval` in every resample: `(resamples,)`, or `(resamples, m)`.

    Queries are drawn with replacement within each stratum, the same ones for all m columns: ratios and differences of columns are
    paired.
    """
    strata, shares = _checked(values, weights)
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}.")
    random = np.random.default_rng(seed)
    result = np.zeros((resamples, *strata[0].shape[1:]))
    for share, x in zip(shares, strata, strict=True):
        size = len(x)
        step = max(1, _DRAWN // size)
        for start in range(0, resamples, step):
            rows = min(step, resamples - start)
            drawn = random.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
            result[start : start + rows] += (share / size) * (counts @ x)
    return result


def ratio_interval(
    numerator: Strata,
    denominator: Strata,
    *,
    confidence: float = 0.95,
    weights: Sequence[float] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the ratio of two means over the same queries, such as student over teacher.

    Raises:
        ValueError: as `bootstrap_interval`; the two are not of the same queries; a resample has a denominator of 0.

    Example:
        >>> ratio_interval([1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0])
        Traceback (most recent call last):
        ...
        ValueError: the denominator is 0 in some resamples: there are too few queries for a ratio.
        >>> ratio_interval([0.5, 1.0, 0.5], [1.0, 1.0, 1.0])
        (0.5, 1.0)
    """
    both = [np.stack(pair, axis=1) for pair in zip(*_paired(numerator, denominator), strict=True)]
    means = bootstrap_means(both, weights=weights, resamples=resamples, seed=seed)
    if (means[:, 1] <= 0).any():
        raise ValueError("the denominator is 0 in some resamples: there are too few queries for a ratio.")
    low, high = np.quantile(means[:, 0] / means[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def randomisation_test(
    first: Strata, second: Strata, *, weights: Sequence[float] | None = None, resamples: int = RESAMPLES, seed: int = 0
) -> float:
    """Two-sided p-value of a difference in means between two systems on the same queries: paired randomisation test.

    If the systems do not differ, their values of a query may be exchanged. p is the share of exchanges whose difference is at
    least as large as the one observed: of all of them where at most 14 queries differ, else `(1 + hits) / (1 + resamples)` of a
    sample. Source: Smucker, Allan, Carterette, CIKM 2007; Phipson and Smyth, 2010, for the 1.

    Args:
        first, second: `(queries,)` each, or lists of such arrays, one a stratum.
        weights: of the strata's means; default: equal.
        resamples: exchanges drawn.
        seed: the same seed gives the same p.

    Returns:
        p in (0, 1]; the same if first and second change places; 1 if they are equal.

    Raises:
        ValueError: the two are not of the same queries, or values that are not finite.

    Example:
        >>> randomisation_test([1.0, 1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0])
        0.125
    """
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}.")
    a, b = _paired(first, second)
    _, shares = _checked(a, weights, least=1)
    differences = np.concatenate([share / len(x) * _difference(x, y) for share, x, y in zip(shares, a, b, strict=True)])
    differences = differences[differences != 0]
    size = len(differences)
    if not size:
        return 1.0
    total = np.abs(differences).sum()
    observed = abs(differences.sum()) - _EQUAL * total
    if size <= _EXACT_UP_TO:
        signs = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
        return float(np.mean(np.abs((2 * signs - 1) @ differences) >= observed))
    random, hits = np.random.default_rng(seed), 0
    step = max(1, _DRAWN // size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        bits = np.unpackbits(random.integers(256, size=(rows, -(-size // 8)), dtype=np.uint8), axis=1, count=size)
        hits += int((np.abs(2 * (bits @ differences) - differences.sum()) >= observed).sum())
    return (1 + hits) / (1 + resamples)


def wins_and_losses(first: Strata, second: Strata) -> tuple[int, int]:
    """On how many queries the first is better, and on how many the second.

    Example:
        >>> wins_and_losses([1.0, 0.5, 0.0], [0.0, 0.5, 0.0])
        (1, 0)
    """
    differences = np.concatenate([_difference(x, y) for x, y in zip(*_paired(first, second), strict=True)])
    return int((differences > 0).sum()), int((differences < 0).sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down procedure, in the order given.

    Rejecting those below a level keeps the probability of any false rejection below that level, whatever the dependence of the
    tests. Source: Holm, Scandinavian Journal of Statistics 6 (1979).

    Raises:
        ValueError: a value is not in [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must be a list of numbers between 0 and 1.")
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected.tolist()


def _strata(values: Strata) -> list[np.ndarray]:
    """A list of arrays is one of strata; anything else is one stratum."""
    several = isinstance(values, list | tuple) and bool(values) and all(isinstance(x, np.ndarray) and x.ndim for x in values)
    return [np.asarray(x, dtype=float) for x in (values if several else [values])]


def _checked(values: Strata, weights: Sequence[float] | None, least: int = 2) -> tuple[list[np.ndarray], list[float]]:
    strata = _strata(values)
    shapes = {x.shape[1:] for x in strata}
    if len(shapes) > 1 or any(x.ndim not in (1, 2) for x in strata):
        raise ValueError("values must be (queries,) or (queries, m), with the same m in every stratum.")
    if any(len(x) < least for x in strata):
        raise ValueError(f"{least} or more values are needed in every stratum, one has {min(len(x) for x in strata)}.")
    if not all(np.isfinite(x).all() for x in strata):
        raise ValueError("values must be finite: leave out queries without relevant document.")
    shares = [1 / len(strata)] * len(strata) if weights is None else list(weights)
    if len(shares) != len(strata):
        raise ValueError(f"{len(shares)} weights for {len(strata)} strata.")
    return strata, shares


def _paired(first: Strata, second: Strata) -> tuple[list[np.ndarray], list[np.ndarray]]:
    a, b = _strata(first), _strata(second)
    if [x.shape for x in a] != [y.shape for y in b]:
        raise ValueError("the two systems must have values of the same queries, in the same order.")
    return a, b


def _difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    difference = first - second
    return np.where(np.abs(difference) <= _EQUAL, 0.0, difference)
