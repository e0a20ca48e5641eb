"""The table shows what was measured."""

import pytest

from hf_optical.evaluation import RetrievalResult, results_table, score_run


def result(system, value=0.5, error=0.0625, queries=120):
    return RetrievalResult(system, queries, {"recall@1": value, "mrr@10": 1.0}, {"recall@1": error, "mrr@10": 0.0}, {}, {})


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def test_points_and_standard_errors_of_every_system_in_order():
    table = results_table([result("student", 0.12345), result("BM25", 0.0, 0.0, 7)], ["recall@1", "mrr@10"])
    header, rule, *rows = cells(table)
    assert header == ["system", "queries", "recall@1", "mrr@10"]
    assert set(rule[0]) == {"-", "|"}
    assert rows == [["student", "120", "12.3 ±6.2", "100.0 ±0.0"], ["BM25", "7", "0.0 ±0.0", "100.0 ±0.0"]]
    assert len({len(line) for line in table.splitlines()}) == 1


def test_one_query_has_no_standard_error():
    scored = score_run("s", {"q": [("d", 1.0)]}, {"q": {"d": 1}})
    assert cells(results_table([scored]))[2] == ["s", "1", "100.0", "100.0", "100.0"]


def test_no_system_is_a_header():
    assert cells(results_table([]))[0] == ["system", "queries", "recall@1", "recall@10", "recall@100"]
    assert len(results_table([]).splitlines()) == 2


def test_a_name_stays_inside_its_cell():
    (row,) = results_table([result("a|b\nc")], ["recall@1"]).splitlines()[2:]
    assert row.startswith(r"| a\|b c ")


def test_a_metric_that_was_not_measured_is_refused():
    with pytest.raises(ValueError, match=r"BM25 was not scored by recall@10: its metrics are recall@1, mrr@10\."):
        results_table([result("BM25")], ["recall@1", "recall@10"])
