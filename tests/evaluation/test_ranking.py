"""The ranking metrics against ir_measures, against sums done by hand, and on every input that has no score."""

import ast
import math
import statistics
import sys
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, Success, nDCG

from hf_optical.evaluation import ranking
from hf_optical.evaluation.ranking import METRICS, check_queries, per_query_metrics, ranking_metrics, standard_error

PEERS = {"recall": R, "hit_rate": Success, "mrr": RR, "ndcg": nDCG}
CUTOFFS = (1, 2, 3, 5, 10, 20)
POOL = [f"d{i}" for i in range(15)]


@st.composite
def judged_run(draw, grade):
    """A few queries: ragged rankings (one at least is not empty), ragged references, a grade for each reference."""
    predictions, references, grades = [], [], []
    for _ in range(draw(st.integers(1, 5))):
        predictions.append(draw(st.permutations(POOL))[: draw(st.integers(0, len(POOL)))])
        references.append(draw(st.permutations(POOL))[: draw(st.integers(0, 6))])
        grades.append([draw(grade) for _ in references[-1]])
    if not any(predictions):
        predictions[0] = ["d0"]
    return predictions, references, grades


def judged_by_ir_measures(predictions, references, grades):
    """What ir_measures takes: its measures with our key for each, its judgements, and its run with falling scores."""
    run = [
        ir_measures.ScoredDoc(str(query), doc, -float(rank))
        for query, ids in enumerate(predictions)
        for rank, doc in enumerate(ids)
    ]
    judged = zip(references, grades, strict=True)
    qrels = [
        ir_measures.Qrel(str(query), doc, grade)
        for query, (ids, row) in enumerate(judged)
        for doc, grade in zip(ids, row, strict=True)
    ]
    return {PEERS[name] @ k: f"{name}@{k}" for name in METRICS for k in CUTOFFS}, qrels, run


def assert_equal_to_ir_measures(predictions, references, grades, ours):
    has_relevant = [any(grade > 0 for grade in row) for row in grades]
    assert all([value is not None for value in values] == has_relevant for values in ours.values())
    measures, qrels, run = judged_by_ir_measures(predictions, references, grades)
    assert list(ours) == list(measures.values())
    compared = set()
    for metric in ir_measures.iter_calc(measures, qrels, run):
        query = int(metric.query_id)
        if has_relevant[query]:  # for the other queries each of its tools has a convention of its own
            compared.add((metric.measure, query))
            assert ours[measures[metric.measure]][query] == pytest.approx(metric.value, abs=1e-12), metric
    assert len(compared) == len(measures) * sum(has_relevant)


@settings(deadline=None, max_examples=60)
@given(judged_run(grade=st.just(1)))
def test_every_metric_equals_ir_measures_on_binary_judgements(case):
    predictions, references, grades = case
    ours = per_query_metrics(predictions, references, k=CUTOFFS, metrics=METRICS)
    assert_equal_to_ir_measures(predictions, references, grades, ours)


@settings(deadline=None, max_examples=60)
@given(judged_run(grade=st.integers(0, 4)))
def test_every_metric_equals_ir_measures_on_graded_judgements(case):
    predictions, references, grades = case
    ours = per_query_metrics(predictions, references, k=CUTOFFS, metrics=METRICS, grades=grades)
    assert_equal_to_ir_measures(predictions, references, grades, ours)


def test_means_equal_the_aggregates_of_ir_measures_on_a_larger_run():
    rng = np.random.default_rng(7)
    pool = [f"doc{i}" for i in range(300)]
    predictions = [list(rng.permutation(pool)[: rng.integers(1, 250)]) for _ in range(80)]
    references = [list(rng.permutation(pool)[: rng.integers(1, 12)]) for _ in predictions]
    grades = [[int(g) for g in rng.integers(1, 4, len(row))] for row in references]
    ours = ranking_metrics(predictions, references, k=CUTOFFS, metrics=METRICS, grades=grades)
    measures, qrels, run = judged_by_ir_measures(predictions, references, grades)
    for measure, mean in ir_measures.calc_aggregate(measures, qrels, run).items():
        assert ours[measures[measure]] == pytest.approx(mean, abs=1e-12), measure
    assert (ours["queries"], ours["queries_without_relevant"]) == (80, 0)


@settings(deadline=None, max_examples=60)
@given(judged_run(grade=st.integers(-1, 4)), st.randoms(use_true_random=False))
def test_values_stay_in_bounds_grow_with_k_and_ignore_the_order_of_references(case, random):
    predictions, references, grades = case
    values = per_query_metrics(predictions, references, k=CUTOFFS, metrics=METRICS, grades=grades)
    for name in METRICS:
        for column in zip(*(values[f"{name}@{k}"] for k in CUTOFFS), strict=True):
            assert column.count(None) in (0, len(CUTOFFS))
            if column[0] is not None:
                assert all(0.0 <= value <= 1.0 + 1e-15 for value in column)
                assert name == "ndcg" or list(column) == sorted(column)
    shuffled = [list(zip(ids, row, strict=True)) for ids, row in zip(references, grades, strict=True)]
    for pairs in shuffled:
        random.shuffle(pairs)
    ids, rows = [[doc for doc, _ in pairs] for pairs in shuffled], [[grade for _, grade in pairs] for pairs in shuffled]
    assert per_query_metrics(predictions, ids, k=CUTOFFS, metrics=METRICS, grades=rows) == values


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(1, 10))
def test_the_best_order_has_ndcg_one(grades, k):
    docs = POOL[: len(grades)]
    best = [doc for _, doc in sorted(zip(grades, docs, strict=True), reverse=True)]
    assert ranking_metrics([best], [docs], k=k, metrics="ndcg", grades=[grades])[f"ndcg@{k}"] == 1.0


def test_values_by_hand():
    predictions = [["x", "a", "b", "y"], ["c"], ["z", "y"], []]
    references = [["a", "b", "q"], ["c", "d"], ["w"], ["v"]]
    values = per_query_metrics(predictions, references, k=[1, 3], metrics=METRICS)
    assert values["recall@1"] == [0.0, 0.5, 0.0, 0.0]
    assert values["recall@3"] == [2 / 3, 0.5, 0.0, 0.0]
    assert values["hit_rate@1"] == [0.0, 1.0, 0.0, 0.0]
    assert values["hit_rate@3"] == [1.0, 1.0, 0.0, 0.0]
    assert values["mrr@1"] == [0.0, 1.0, 0.0, 0.0]
    assert values["mrr@3"] == [0.5, 1.0, 0.0, 0.0]
    assert values["ndcg@1"] == [0.0, 1.0, 0.0, 0.0]
    log3 = math.log2(3)
    assert values["ndcg@3"] == pytest.approx([(1 / log3 + 1 / 2) / (1 + 1 / log3 + 1 / 2), 1 / (1 + 1 / log3), 0, 0])
    means = ranking_metrics(predictions, references, k=[1, 3])
    assert means == {
        "recall@1": 0.125,
        "recall@3": pytest.approx((2 / 3 + 0.5) / 4),
        "queries": 4,
        "queries_without_relevant": 0,
    }


def test_graded_ndcg_by_hand_and_grades_of_zero_or_less_are_not_relevant():
    docs = [["a", "b", "c", "d"]]
    values = per_query_metrics(docs, docs, k=4, metrics=METRICS, grades=[[0, 3, -2, 1]])
    gained = 3 / math.log2(3) + 1 / math.log2(5)
    assert values["ndcg@4"] == [pytest.approx(gained / (3 + 1 / math.log2(3)))]
    assert values["mrr@4"] == [0.5]
    assert values["recall@4"] == [1.0]
    assert per_query_metrics([["a"]], [["a"]], k=1, grades=[[0]]) == {"recall@1": [None]}


def test_queries_without_relevant_documents_are_left_out_and_counted():
    predictions, references = [["a"], ["b"], ["c"]], [["a"], [], ["d"]]
    assert per_query_metrics(predictions, references, k=1) == {"recall@1": [1.0, None, 0.0]}
    assert ranking_metrics(predictions, references, k=1) == {
        "recall@1": 0.5,
        "queries": 3,
        "queries_without_relevant": 1,
    }


def test_a_query_without_prediction_scores_zero_and_stays_in():
    result = ranking_metrics([[], ["b"]], [["a"], ["b"]], k=1, metrics=METRICS)
    assert {result[f"{name}@1"] for name in METRICS} == {0.5}
    assert result["queries_without_relevant"] == 0


def test_keys_follow_the_order_asked_for_and_repeats_are_merged():
    result = ranking_metrics([["a"]], [["a"]], k=[10, 1, 10], metrics=["mrr", "recall", "mrr"])
    assert list(result) == ["mrr@10", "mrr@1", "recall@10", "recall@1", "queries", "queries_without_relevant"]


def test_tuples_arrays_integers_and_single_options_are_accepted():
    expected = {"mrr@2": 0.5, "queries": 1, "queries_without_relevant": 0}
    assert ranking_metrics(((3, 4),), ((4,),), k=2, metrics="mrr") == expected
    array = ranking_metrics(np.array([[3, 4]]), [[4]], k=np.array([2]), metrics=("mrr",), grades=np.array([[1]]))
    assert array == expected
    assert all(type(value) in (float, int) for value in array.values())
    assert ranking_metrics(np.array([["a", "b"]]), [["b"]], k=2, metrics=iter(["mrr"])) == expected


GOOD = {"predictions": [["a", "b"], ["c"]], "references": [["a"], ["c", "d"]]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"references": [["a"]]}, r"predictions holds 2 queries and references 1: .* position 1 "),
        ({"grades": [[1]]}, r"predictions holds 2 queries and grades 1"),
        ({"grades": [[1], [1]]}, r"grades\[1\] holds 1 grades for 2 references"),
        ({"grades": [[1], [1, 0.5]]}, r"grades\[1\] holds 0\.5: grades are integers"),
        ({"grades": [[True], [1, 1]]}, r"grades\[0\] holds True: grades are integers"),
        ({"grades": [[1], 2]}, r"grades\[1\] is 2 \(int\): expected a list of integers"),
        ({"predictions": [["a"], ["c", "b", "c"]]}, r"predictions\[1\] holds the id 'c' twice \(positions 0 and 2\)"),
        ({"references": [["a"], ["d", "d"]]}, r"references\[1\] holds the id 'd' twice \(positions 0 and 1\)"),
        ({"predictions": [["a"], "c"]}, r"predictions\[1\] is 'c' \(str\): expected a list of ids"),
        ({"references": [["a"], "c"]}, r"references\[1\] is 'c' \(str\): expected a list of ids"),
        ({"predictions": ["a", "c"]}, r"predictions\[0\] is 'a' \(str\): expected a list of ids"),
        ({"predictions": "ac"}, r"predictions is 'ac' \(str\): expected lists of ids, one per query"),
        ({"predictions": {"q1": ["a"], "q2": ["c"]}}, r"predictions is \{.*\} \(dict\): expected lists"),
        ({"predictions": [{"a", "b"}, ["c"]]}, r"predictions\[0\] is \{.*\} \(set\): expected a list"),
        ({"references": None}, r"references is None \(NoneType\): expected lists"),
        ({"predictions": [["a"], None]}, r"predictions\[1\] is None \(NoneType\): expected a list of ids"),
        (
            {"predictions": [["a"], ["c", None]]},
            r"predictions\[1\] holds None \(NoneType\): ids are strings or integers",
        ),
        ({"predictions": [["a"], [1.5]]}, r"predictions\[1\] holds 1\.5 \(float\): ids are strings or integers"),
        ({"predictions": [["a"], [["c"]]]}, r"predictions\[1\] holds \['c'\] \(list\): ids are strings or integers"),
        ({"references": [[1], [2]]}, r"references\[0\] holds the integer id 1 while earlier ids are of the other type"),
        ({"predictions": [["a"], [2]]}, r"predictions\[1\] holds the integer id 2 while earlier"),
        ({"k": [1, 0]}, r"k must hold positive integers such as \[1, 10, 100\], got 0"),
        ({"k": -3}, r"k must hold positive integers .* got -3"),
        ({"k": [10.0]}, r"k must hold positive integers .* got 10\.0"),
        ({"k": True}, r"k must hold positive integers .* got True"),
        ({"k": "10"}, r"k must hold positive integers .* got '10'"),
        ({"k": []}, r"k is empty"),
        (
            {"metrics": "recal"},
            r"unknown metric 'recal': did you mean 'recall'\? the metrics are recall, hit_rate, mrr, ndcg",
        ),
        ({"metrics": ["recall", "recall@10"]}, r"unknown metric 'recall@10': did you mean 'recall'\?"),
        ({"metrics": ["zzz"]}, r"unknown metric 'zzz': the metrics are"),
        ({"metrics": None}, r"unknown metric None: "),
        ({"metrics": []}, r"metrics is empty"),
        ({"predictions": [], "references": []}, r"there is no query"),
    ],
)
@pytest.mark.parametrize("function", [ranking_metrics, per_query_metrics])
def test_bad_input_raises_one_line_that_names_the_place(function, changed, message):
    with pytest.raises(ValueError, match=message) as caught:
        function(**(GOOD | changed))
    assert type(caught.value) is ranking.RankingInputError
    assert "\n" not in str(caught.value)


def test_no_relevant_document_at_all_has_no_mean():
    with pytest.raises(ValueError, match="none of the 2 queries has a relevant document"):
        ranking_metrics([["a"], ["b"]], [[], []])
    with pytest.raises(ValueError, match="none of the 1 queries has a relevant document"):
        ranking_metrics([["a"]], [["a"]], grades=[[0]])
    assert per_query_metrics([["a"], ["b"]], [[], []], k=1) == {"recall@1": [None, None]}


def test_check_queries_gives_rankings_and_judgements():
    assert check_queries([("b", "a"), []], [["a"], ["c"]], [[2], [0]]) == [(["b", "a"], {"a": 2}), ([], {"c": 0})]
    assert check_queries([], []) == []


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_standard_error_equals_the_textbook(values):
    expected = statistics.stdev(values) / math.sqrt(len(values))
    assert standard_error([None, *values, None]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "at least 2 values, got 0"), ([0.5, None], "at least 2 values, got 1"), ([0.5, math.nan], "finite values")],
)
def test_standard_error_of_too_few_or_infinite_values(values, message):
    with pytest.raises(ValueError, match=message):
        standard_error(values)


def test_the_module_needs_the_standard_library_alone():
    tree = ast.parse(Path(ranking.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
