"""Retention is the ratio of the means over the same queries, with an interval where one can be had."""

import pytest

from hf_optical.evaluation.retention import Retention, retention
from hf_optical.evaluation.retrieval import score_run

QRELS = {f"q{i}": {"d1": 1} for i in range(20)}
HIT, LATE, MISS = [("d1", 2.0), ("d2", 1.0)], [("d2", 2.0), ("d1", 1.0)], [("d2", 1.0)]


def scored(system, rankings):
    return score_run(system, dict(zip(QRELS, rankings, strict=True)), QRELS, k=[1, 2])


def test_ratio_of_means_and_its_interval():
    teacher, student = scored("t", [HIT] * 16 + [MISS] * 4), scored("s", [HIT] * 8 + [LATE] * 6 + [MISS] * 6)
    kept = retention(student, teacher, ["recall@1", "recall@2"])
    assert kept["recall@1"].value == pytest.approx(8 / 16)
    assert kept["recall@2"].value == pytest.approx(14 / 16)
    low, high = kept["recall@1"].interval
    assert 0.2 < low < 0.5 < high < 0.8
    assert str(Retention(0.95, (0.9, 1.0))) == "0.950 [0.900, 1.000]"


def test_queries_are_paired_by_id_whatever_their_order():
    teacher, student = scored("t", [HIT, MISS] * 10), scored("s", [HIT, MISS] * 10)
    student.per_query["recall@1"] = dict(reversed(student.per_query["recall@1"].items()))
    assert retention(student, teacher, ["recall@1"])["recall@1"] == Retention(1.0, (1.0, 1.0))


def test_no_ratio_to_nothing_and_no_interval_for_too_few():
    nothing, student = scored("t", [LATE] + [MISS] * 19), scored("s", [HIT] + [MISS] * 19)
    kept = retention(student, nothing, ["recall@1", "recall@2"])
    assert kept == {"recall@2": Retention(1.0, None)}
    assert str(kept["recall@2"]) == "1.000"


def test_other_queries_and_other_metrics_are_refused():
    teacher = scored("teacher", [HIT] * 20)
    other = score_run("other", {"q99": HIT}, {"q99": {"d1": 1}}, k=[1])
    with pytest.raises(ValueError, match="other and teacher are not scored on the same queries"):
        retention(other, teacher, ["recall@1"])
    with pytest.raises(ValueError, match="teacher was not scored by recall@10: its metrics are recall@1"):
        retention(teacher, teacher, ["recall@10"])
