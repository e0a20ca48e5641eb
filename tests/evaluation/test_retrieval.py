"""Runs are scored as ir_measures scores them, saved so that it reads the same from them, and kept whole."""

import itertools
import json
import math
import os
import statistics

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from hf_optical.data import RetrievalCollection
from hf_optical.data.files import write_atomically
from hf_optical.evaluation import evaluate_bm25, evaluate_model, score_run
from hf_optical.models import OpticalStudentModel, TeacherMismatchError
from hf_optical.search import Bm25Index, ExactIndex

MEASURES = {"recall@1": R @ 1, "recall@10": R @ 10, "recall@100": R @ 100, "mrr@10": RR @ 10, "ndcg@10": nDCG @ 10}
DOCUMENTS = [f"d{i}" for i in range(30)]


def ranked(scores):
    return sorted(scores.items(), key=lambda hit: -hit[1])


@st.composite
def runs_and_judgements(draw):
    """Graded judgements, and runs that lack some queries and hold ties and queries of nobody's."""
    queries = [f"q{i}" for i in range(draw(st.integers(1, 6)))]
    judged = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1)
    qrels = {query: draw(judged) for query in queries} | {"q-sure": {"d0": 2}}
    scores = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(-40, 40).map(lambda n: n / 4))
    run = {query: ranked(draw(scores)) for query in draw(st.sets(st.sampled_from([*qrels, "q-unjudged"])))}
    return run, qrels


def by_ir_measures(run, qrels):
    qrels = {query: judged for query, judged in qrels.items() if any(judged.values())}
    return {name: ir_measures.calc_aggregate([measure], qrels, run)[measure] for name, measure in MEASURES.items()}


@given(runs_and_judgements())
def test_it_scores_as_ir_measures(run_and_qrels):
    run, qrels = run_and_qrels
    result = score_run("ours", run, qrels)
    # scores that fall strictly: ir_measures breaks ties by id, we keep the order of the ranking
    falling = {query: {d: -float(rank) for rank, (d, _) in enumerate(ranking)} for query, ranking in run.items()}
    assert result.metrics == pytest.approx(by_ir_measures(falling, qrels), abs=1e-12)
    assert result.queries == sum(any(judged.values()) for judged in qrels.values())


@given(runs_and_judgements())
def test_the_saved_run_is_read_as_it_was_scored(tmp_path_factory, run_and_qrels):
    run, qrels = run_and_qrels
    result = score_run("ours", run, qrels)
    path = tmp_path_factory.mktemp("runs") / "ours.trec"
    result.save_run(path, tag="ours")
    read = list(ir_measures.read_trec_run(str(path)))
    assert by_ir_measures(read, qrels) == pytest.approx(result.metrics, abs=1e-12)
    for line in path.read_text(encoding="utf-8").splitlines():
        query, q0, document, rank, score, tag = line.split()
        theirs = result.run[query][int(rank) - 1]
        assert (q0, tag, document) == ("Q0", "ours", theirs[0])
        assert float(score) == pytest.approx(theirs[1], abs=1e-4)
    assert len(read) == sum(map(len, result.run.values()))


def test_close_scores_stay_apart_in_the_saved_run(tmp_path):
    """Six decimals, as is usual, would make these equal."""
    ranking = [("d1", 24.0000019073), ("d9", 24.0), ("d8", 24.0), ("d7", 1e-9), ("d6", 9e-10), ("d5", -3.0)]
    score_run("ours", {"q": ranking}, {"q": {"d9": 1}}).save_run(tmp_path / "run")
    scores = [float(line.split()[4]) for line in (tmp_path / "run").read_text().splitlines()]
    assert all(a > b for a, b in itertools.pairwise(scores))


def test_the_standard_error_is_that_of_the_queries(tmp_path):
    qrels = {f"q{i}": {"d1": 1} for i in range(5)} | {"q-none": {"d1": 0}}
    run = {"q0": [("d1", 2.0)], "q1": [("d2", 2.0), ("d1", 1.0)], "q2": [("d2", 1.0)], "q3": [("d1", 0.0)]}
    result = score_run("ours", run, qrels, k=[1, 2])
    values = [1.0, 0.0, 0.0, 1.0, 0.0]
    assert list(result.per_query["recall@1"].values()) == values
    assert result.metrics["recall@1"] == pytest.approx(0.4)
    assert result.standard_errors["recall@1"] == pytest.approx(statistics.stdev(values) / math.sqrt(5))
    assert result.standard_errors.keys() == result.metrics.keys()
    assert "q-none" not in result.run
    assert result.run["q4"] == []


def test_a_single_query_has_no_standard_error(tmp_path):
    result = score_run("ours", {"q": [("d1", 1.0)]}, {"q": {"d1": 1}})
    assert result.metrics["recall@1"] == 1.0
    assert result.standard_errors == {}
    result.save(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text())["standard_errors"] == {}


@given(runs_and_judgements())
def test_values_of_single_queries_sum_to_the_mean(tmp_path_factory, run_and_qrels):
    result = score_run("BM25, ẹ̀kọ́", *run_and_qrels)
    path = tmp_path_factory.mktemp("results") / "result.json"
    result.save(path)
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert {name: saved[name] for name in result.to_dict()} == result.to_dict()
    assert saved["system"] == "BM25, ẹ̀kọ́"
    assert saved["per_query"].keys() == result.metrics.keys() == MEASURES.keys()
    for metric, values in saved["per_query"].items():
        assert len(values) == result.queries
        assert math.fsum(values.values()) / len(values) == pytest.approx(saved["metrics"][metric], abs=1e-12)


@pytest.mark.parametrize(
    ("run", "qrels", "message"),
    [
        ({}, {}, "none of the 0 judged queries has a relevant document"),
        ({}, {"q": {"d": 0}}, "ours: none of the 1 judged queries has a relevant document"),
        ({"q": [("d", 2.0), ("e", 1.0), ("d", 0.0)]}, {"q": {"d": 1}}, "the ranking of query q holds document d twice"),
    ],
)
def test_what_cannot_be_scored_is_refused(run, qrels, message):
    with pytest.raises(ValueError, match=message):
        score_run("ours", run, qrels)


@pytest.mark.parametrize(("query", "document", "tag"), [("q 1", "d", "t"), ("q", "d\t1", "t"), ("q", "d", ""), ("q", "d\n", "t")])
def test_white_space_has_no_place_in_a_run(tmp_path, query, document, tag):
    result = score_run("ours", {query: [(document, 1.0)]}, {query: {document: 1}})
    with pytest.raises(ValueError, match="white space"):
        result.save_run(tmp_path / "run", tag=tag)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "result.json"
    write_atomically(path, "first\n")
    write_atomically(path, "second ẹ\n")
    assert path.read_text(encoding="utf-8") == "second ẹ\n"

    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "third \ud800")

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "fourth")
    assert path.read_text(encoding="utf-8") == "second ẹ\n"
    assert [file.name for file in path.parent.iterdir()] == ["result.json"]


@pytest.fixture(scope="module")
def collection():
    texts = [
        f"{word} {other} market" for word in ("maize", "water", "bus", "lion") for other in ("river", "school", "seed", "ship")
    ]
    return RetrievalCollection(
        name="tiny",
        split="test",
        corpus_ids=[f"d{i}" for i in range(16)],
        corpus_texts=texts,
        query_ids=["q0", "q1", "q2"],
        query_texts=["mahindi mto", "basi la shule", "simba"],
        english={"q0": "maize river", "q1": "a school bus", "q2": "lion ship"},
        qrels={"q2": {"d15": 2, "d12": 1}, "q0": {"d0": 1}, "q1": {"d9": 1}},
    )


def test_models_are_evaluated_on_the_queries_that_are_asked_for(collection, tiny_teacher, tiny_student):
    index = ExactIndex.build(tiny_teacher, collection.corpus_ids, collection.corpus_texts)
    for english, texts in ((False, collection.queries), (True, collection.english)):
        result = evaluate_model(tiny_student, index, collection, system="s", english=english)
        found = index.search(tiny_teacher.encode_query([texts[i] for i in collection.qrels]), 100)
        assert result.run == dict(zip(collection.qrels, found, strict=True))
        assert result.metrics == score_run("s", result.run, collection.qrels).metrics


@pytest.mark.parametrize("english", [False, True])
def test_short_cutoffs_do_not_shorten_the_rankings_of_mrr_and_ndcg(collection, tiny_teacher, english):
    index = ExactIndex.build(tiny_teacher, collection.corpus_ids, collection.corpus_texts)
    lexical = Bm25Index(collection.corpus_ids, collection.corpus_texts)
    for evaluate, model in ((evaluate_model, (tiny_teacher, index)), (evaluate_bm25, (lexical,))):
        short, long = (evaluate(*model, collection, english=english, k=k).metrics for k in ([1], [1, 100]))
        assert short == {name: long[name] for name in ("recall@1", "mrr@10", "ndcg@10")}


def test_bm25_finds_the_english_queries(collection):
    lexical = Bm25Index(collection.corpus_ids, collection.corpus_texts)
    assert evaluate_bm25(lexical, collection, english=True).metrics["mrr@10"] == 1.0
    assert evaluate_bm25(lexical, collection).metrics["recall@100"] == 0.0


def test_missing_english_versions_are_never_replaced_by_the_foreign_query(collection, tiny_teacher):
    index = ExactIndex.build(tiny_teacher, collection.corpus_ids, collection.corpus_texts)
    lexical = Bm25Index(collection.corpus_ids, collection.corpus_texts)
    for english in ({}, {"q2": "lion ship"}):
        partly = RetrievalCollection(**vars(collection) | {"english": english})
        for evaluate, model in ((evaluate_model, (tiny_teacher, index)), (evaluate_bm25, (lexical,))):
            with pytest.raises(ValueError, match=rf"tiny: {3 - len(english)} queries have no English version, the first is q"):
                evaluate(*model, partly, english=True)


def test_a_student_of_another_teacher_is_refused(collection, tiny_student):
    index = ExactIndex(["d0"], tiny_student.encode_document(["maize"]), "0123456789abcdef", teacher_name="org/other")
    assert isinstance(tiny_student, OpticalStudentModel)
    with pytest.raises(TeacherMismatchError, match=r"org/other \(fingerprint 0123456789abcdef\)"):
        evaluate_model(tiny_student, index, collection)
