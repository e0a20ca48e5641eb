"""mteb's runner over our students, on a task in memory: the same figures as ours on the same data."""

import copy
import json
import logging
import sys

import pytest

from hf_optical.data import load_retrieval
from hf_optical.data.errors import DataError
from hf_optical.evaluation import evaluate_bm25, evaluate_model, mteb_search
from hf_optical.evaluation.mteb_search import MtebMissingError, OpticalSearch
from hf_optical.evaluation.mteb_tasks import evaluate_task, load_task, run_task
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel, TeacherMismatchError
from hf_optical.search import Bm25Index, ExactIndex

mteb = pytest.importorskip("mteb", reason="mteb, an optional dependency, is not installed")


def memory_task(collection, languages, splits=("test",), **attributes):
    """A task that holds a collection as every subset and split; some judged documents have a grade of 2 or 0."""
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class MemoryRetrieval(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="MemoryRetrieval",
            description="Queries and documents of a test.",
            dataset={"path": "nobody/nothing", "revision": "none"},
            type="Retrieval",
            category="t2t",
            eval_splits=list(splits),
            eval_langs=languages,
            main_score="ndcg_at_10",
        )

        def load_data(self, **kwargs):
            if self.data_loaded:
                return
            corpus = [{"id": i, "title": "", "text": t} for i, t in collection.corpus.items()]
            queries = [{"id": i, "text": t} for i, t in collection.queries.items()]
            self.dataset = {
                subset: {
                    split: {
                        "corpus": Dataset.from_list(corpus),
                        "queries": Dataset.from_list(queries),
                        "relevant_docs": copy.deepcopy(collection.qrels),
                        "top_ranked": None,
                    }
                    for split in splits
                }
                for subset in (languages if isinstance(languages, dict) else ["default"])
            }
            self.data_loaded = True

    for name, value in attributes.items():
        setattr(MemoryRetrieval, name, value)
    return MemoryRetrieval()


@pytest.fixture
def collection(workshop):
    loaded = load_retrieval("benchmark")
    loaded.qrels["q0"] |= {"d3": 2, "d4": 0}
    return loaded


@pytest.fixture
def index(collection, tiny_teacher):
    return ExactIndex.build(tiny_teacher, collection.corpus_ids, collection.corpus_texts)


ENGLISH_DOCUMENTS = {"eng-swa": ["eng-Latn", "swh-Latn"]}


def test_the_figures_are_those_of_evaluate_model(collection, index, tiny_teacher, tiny_student, tmp_path):
    bm25, zero_shot, student = evaluate_task(memory_task(collection, ENGLISH_DOCUMENTS), [("mine", tiny_student)], tiny_teacher)
    lexical = Bm25Index(collection.corpus_ids, collection.corpus_texts)
    expected = [
        (bm25, evaluate_bm25(lexical, collection, k=(1, 10, 100))),
        (zero_shot, evaluate_model(tiny_teacher, index, collection)),
        (student, evaluate_model(tiny_student, index, collection)),
    ]
    for result, ours in expected:
        assert result.metrics == ours.metrics
        assert result.standard_errors == ours.standard_errors
        assert result.per_query == ours.per_query
        assert {query: ranking[:100] for query, ranking in result.run.items()} == ours.run
    assert [r.system for r, _ in expected] == ["BM25, untranslated", "zero-shot (teacher, untranslated)", "mine"]
    assert student.to_dict().items() >= {"task": "MemoryRetrieval", "subset": "eng-swa", "split": "test", "queries": 8}.items()
    student.save_to(tmp_path)
    stem = tmp_path / "MemoryRetrieval.eng-swa.test.mine"
    assert json.loads(stem.with_name(f"{stem.name}.json").read_text())["per_query"]["recall@10"] == student.per_query["recall@10"]
    assert len(stem.with_name(f"{stem.name}.trec").read_text().splitlines()) == 8 * 20


def test_mteb_itself_computes_the_same(collection, tiny_teacher, tiny_student):
    (result,) = evaluate_task(memory_task(collection, ENGLISH_DOCUMENTS), [("s", tiny_student)], tiny_teacher, baselines=False)
    pairs = {"recall@1": "recall_at_1", "recall@10": "recall_at_10", "mrr@10": "mrr_at_10", "ndcg@10": "ndcg_at_10"}
    assert {ours: result.mteb_scores[theirs] for ours, theirs in pairs.items()} == pytest.approx(
        {ours: result.metrics[ours] for ours in pairs}, abs=1e-4
    )


def test_mteb_runs_the_search_model_without_our_help(collection, tiny_teacher, tiny_student):
    search = OpticalSearch("mine", tiny_student, tiny_teacher)
    assert isinstance(search, mteb.models.SearchProtocol)
    outcome = mteb.evaluate(search, memory_task(collection, ["eng-Latn"]), cache=None, show_progress_bar=False)
    assert search.mteb_model_meta.revision == tiny_student.fingerprint()
    assert outcome.task_results[0].scores["test"][0]["ndcg_at_10"] > 0


def test_documents_are_encoded_once_for_all_systems_of_a_subset(collection, tiny_teacher, tiny_student, monkeypatch):
    built, build = [], ExactIndex.build

    def counted(encoder, *arguments, **named):
        built.append(encoder)
        return build(encoder, *arguments, **named)

    monkeypatch.setattr(ExactIndex, "build", counted)
    task = memory_task(collection, ENGLISH_DOCUMENTS | {"eng-hau": ["eng-Latn", "hau-Latn"]}, splits=("dev", "test"))
    results = evaluate_task(task, [("a", tiny_student), ("b", tiny_student)], tiny_teacher)
    assert len(built) == 1  # the same documents in all of them
    assert [(r.subset, r.split) for r in results[::4]] == [(s, p) for s in ("eng-swa", "eng-hau") for p in ("dev", "test")]
    assert len(results) == 16
    assert list(task.hf_subsets) == ["eng-swa", "eng-hau"]  # as it was given
    assert list(task.eval_splits) == ["dev", "test"]
    assert not task.data_loaded


@pytest.mark.parametrize("piece", [1, 7, 19, 20])
def test_a_large_corpus_is_searched_piece_by_piece_with_the_same_outcome(
    collection, tiny_teacher, tiny_student, monkeypatch, piece
):
    collection.corpus_texts[5] = collection.corpus_texts[11]  # equal scores, in different pieces
    search = OpticalSearch("s", tiny_student, tiny_teacher)
    task = memory_task(collection, ENGLISH_DOCUMENTS)
    task.load_data()
    (whole,) = run_task(task, "s", search)
    monkeypatch.setattr(mteb_search, "DOCUMENTS_PER_INDEX", piece)
    (pieces,) = run_task(task, "s", OpticalSearch("s", tiny_student, tiny_teacher))
    for query, ranking in whole.run.items():
        assert [document for document, _ in pieces.run[query]] == [document for document, _ in ranking]
        assert [score for _, score in pieces.run[query]] == pytest.approx([score for _, score in ranking], abs=1e-4)


def test_documents_of_another_language_are_encoded_by_a_student_that_can(collection, tiny_teacher, tiny_student, caplog):
    task = memory_task(collection, {"sw": ["swa-Latn"]})
    other = copy.deepcopy(tiny_student)
    other.linear.weight.data.neg_()
    other.config.side = "both"
    with caplog.at_level(logging.WARNING):
        (result,) = evaluate_task(task, [("both", other)], tiny_teacher, baselines=False)
    assert "cannot read them" not in caplog.text
    # both sides negated: the products are those of the teacher with itself
    (teacher,) = [r for r in evaluate_task(task, [], tiny_teacher) if r.system.startswith("zero-shot")]
    assert "documents in language 'swa' are encoded by the English teacher, which cannot read them" in caplog.text
    assert result.metrics == teacher.metrics
    # English documents stay the teacher's
    (result,) = evaluate_task(memory_task(collection, ENGLISH_DOCUMENTS), [("both", other)], tiny_teacher, baselines=False)
    assert result.metrics != teacher.metrics


def test_hits_that_mteb_leaves_out_are_left_out(collection, tiny_teacher, tiny_student):
    run = {"s": tiny_student}.items()
    (plain,) = evaluate_task(memory_task(collection, ENGLISH_DOCUMENTS), list(run), tiny_teacher, baselines=False)
    task = memory_task(collection, ENGLISH_DOCUMENTS, skip_first_result=True)
    (skipped,) = evaluate_task(task, list(run), tiny_teacher, baselines=False)
    assert {q: r[1:] for q, r in plain.run.items()} == skipped.run
    assert skipped.metrics["ndcg@10"] == pytest.approx(skipped.mteb_scores["ndcg_at_10"], abs=1e-4)


def test_a_student_of_another_teacher_is_refused_before_the_work(collection, tiny_student, encoder_dir, monkeypatch):
    monkeypatch.setattr(ExactIndex, "build", lambda *args, **kwargs: pytest.fail("documents were encoded"))
    other = OpticalTeacherModel.from_encoder(encoder_dir("distilbert"), embedding_dim=16, query_length=16, document_length=48)
    assert isinstance(tiny_student, OpticalStudentModel)
    with pytest.raises(TeacherMismatchError, match="distilled from teacher"):
        evaluate_task(memory_task(collection, ENGLISH_DOCUMENTS), [("s", tiny_student)], other)


@pytest.mark.parametrize(
    ("name", "language", "subsets"),
    [
        ("MIRACLRetrieval", "sw", ["sw"]),
        ("MIRACLRetrievalHardNegatives", "swa", ["sw"]),
        ("BelebeleRetrieval", "sw", ["eng_Latn-swh_Latn"]),
        ("BelebeleRetrieval", "swh_Latn-eng_Latn", ["swh_Latn-eng_Latn"]),
        ("MLQARetrieval", "de", ["eng-deu"]),
        ("XQuADRetrieval", "deu", ["de"]),
    ],
)
def test_languages_mean_queries_over_english_documents(name, language, subsets):
    assert list(load_task(name, [language]).hf_subsets) == subsets


def test_real_tasks_are_known_with_all_their_subsets_and_splits():
    assert len(load_task("MIRACLRetrieval").hf_subsets) == 18
    assert list(load_task("MLQARetrieval", ["es", "eng-deu"], ["test"]).hf_subsets) == ["eng-deu", "eng-spa"]
    assert list(load_task("MLQARetrieval", ["es"], ["test"]).eval_splits) == ["test"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("MIRACLRetrievl",), "mteb has no task 'MIRACLRetrievl'; did you mean 'MIRACLRetrieval'?"),
        (("MIRACLRetrieval", ["ha"]), "'MIRACLRetrieval' has no subset and no query language 'ha'; the subsets are ar, bn, de"),
        (("MLQARetrieval", ["de"], ["dev"]), "'MLQARetrieval' has no split 'dev'; the splits are validation, test"),
        (("STS22",), "'STS22' is of type STS (text); give a task of type Retrieval on texts"),
    ],
)
def test_wrong_names_are_told_with_the_right_ones(arguments, message):
    with pytest.raises(DataError) as raised:
        load_task(*arguments)
    assert message in str(raised.value)


def test_data_that_cannot_be_had_is_one_line(tiny_teacher):
    with pytest.raises(DataError, match=r"^mteb task XQuADRetrieval: .*check the name") as raised:
        evaluate_task(load_task("XQuADRetrieval", ["de"]), [], tiny_teacher)
    assert "\n" not in str(raised.value)


def test_without_mteb_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mteb", None)
    for expected in (MtebMissingError, ImportError, ValueError):
        with pytest.raises(expected, match=r"pip install 'hf_optical\[mteb\]'$"):
            load_task("MIRACLRetrieval")
