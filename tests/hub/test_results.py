"""Which results a card shows: those that can be tied to the weights that are pushed."""

import copy
import json
import logging
import shutil

import pytest
from huggingface_hub import ModelCard

from hf_optical.data import RetrievalCollection
from hf_optical.evaluation.retrieval import measured_on
from hf_optical.hub import HubError, push_student, push_teacher
from hf_optical.hub.result_files import Measured, read_results
from hf_optical.hub.results import choose_results
from hf_optical.recipes.evaluate import evaluate_students

OURS, TEACHERS, OTHERS = "0000aaaa0000aaaa", "1111bbbb1111bbbb", "2222cccc2222cccc"
NO_WEIGHTS, NO_DATA = "it does not say which weights were measured", "there is no result of these weights on the same data"


def row(system, fingerprint="", *, value=0.5, **more):
    known = {"benchmark": "sw-en", "split": "test", "data": "d1", "query_ids": frozenset({"q1", "q2"})} | more
    name = f"evaluation/{system}{fingerprint[:4]}{value}{''.join(map(str, more.values()))}.json"
    return Measured(name, system, 2, {"recall@10": value}, {}, fingerprint=fingerprint, **known)


MINE, BM25 = row("optical-sw", OURS), row("BM25, untranslated")


def left_out(*rows, kind="student", teacher=TEACHERS):
    """Systems that are left out, with the reason."""
    names = {result.file: result.system for result in rows}
    return {names[file]: why for file, why in choose_results(rows, kind, OURS, teacher).left_out.items()}


def test_the_model_its_exports_and_baselines_on_the_same_data_are_shown():
    export, teacher = row("ONNX int8", OURS, export="ONNX int8"), row("teacher, English queries", TEACHERS)
    rows = [MINE, BM25, export, teacher, row("zero-shot (teacher, untranslated)", TEACHERS)]
    chosen = choose_results(rows, "student", OURS, TEACHERS)
    assert (chosen.own, chosen.shown, chosen.left_out) == ([MINE], rows, {})


@pytest.mark.parametrize("name", ["optical-sw", "student", "ONNX int8", "teacher, English queries"])
def test_no_name_stands_for_a_fingerprint(name):
    assert left_out(MINE, row(name)) == {name: NO_WEIGHTS}
    assert left_out(MINE, row(name, OTHERS)) == {name: f"measured on other weights (fingerprint {OTHERS})"}
    assert left_out(row(name)) == {name: NO_WEIGHTS}  # also where it is the only one


@pytest.mark.parametrize(
    "elsewhere", [{"benchmark": "ha-en"}, {"split": "dev"}, {"data": "d2"}, {"data": ""}, {"query_ids": frozenset({"q1"})}]
)
def test_a_baseline_is_tied_by_what_it_was_measured_on(elsewhere):
    bm25, teacher = row("BM25, untranslated", **elsewhere), row("teacher, English queries", TEACHERS, **elsewhere)
    assert left_out(MINE, bm25, teacher) == {bm25.system: NO_DATA, teacher.system: NO_DATA}
    assert left_out(row("optical-sw", OURS, **elsewhere), bm25, teacher) == {}


def test_a_baseline_alone_is_no_result():
    assert left_out(BM25, row("teacher, English queries", TEACHERS)).keys() == {"BM25, untranslated", "teacher, English queries"}


def test_another_teacher_than_the_students_is_no_baseline():
    assert left_out(MINE, row("teacher, English queries", TEACHERS), teacher="")["teacher, English queries"].startswith(
        "measured on other weights"
    )


def test_a_teachers_own_figure_is_that_of_english_queries():
    english, zero_shot = row("teacher, English queries", OURS), row("zero-shot (teacher, untranslated)", OURS, value=0.25)
    chosen = choose_results([english, zero_shot, BM25], "teacher", OURS)
    assert (chosen.own, chosen.shown, chosen.left_out) == ([english], [english, zero_shot, BM25], {})


def test_two_figures_of_one_thing_are_a_question():
    again = row("./optical-sw", OURS, value=0.75)
    with pytest.raises(HubError, match=r"have different figures of this model for recall@10 on sw-en: remove one of them"):
        choose_results([MINE, again], "student", OURS)
    assert len(choose_results([MINE, row("./optical-sw", OURS)], "student", OURS).own) == 2


@pytest.fixture(scope="module")
def collection():
    return RetrievalCollection(
        name="tiny",
        split="test",
        corpus_ids=["d0", "d1", "d2"],
        corpus_texts=["maize river", "water school", "lion market"],
        query_ids=["q0", "q1"],
        query_texts=["mahindi mto", "maji"],
        english={"q0": "maize river", "q1": "water"},
        qrels={"q0": {"d0": 1}, "q1": {"d1": 2}},
    )


@pytest.mark.parametrize(
    "change",
    [
        {"corpus_texts": ["maize river", "water school", "lion"]},
        {"corpus_ids": ["d0", "d1", "d3"]},
        {"query_texts": ["mahindi", "maji"]},
        {"english": {"q0": "maize", "q1": "water"}},
        {"qrels": {"q0": {"d0": 1}, "q1": {"d1": 1}}},
        {"qrels": {"q0": {"d0": 1}, "q1": {"d2": 2}}},
    ],
)
def test_the_fingerprint_of_a_collection_tells_every_change(collection, change):
    whole = measured_on(collection)
    assert whole == measured_on(copy.deepcopy(collection))
    changed = measured_on(RetrievalCollection(**vars(collection) | change))
    assert (changed["name"], changed["split"]) == (whole["name"], whole["split"])
    assert changed["fingerprint"] != whole["fingerprint"]


@pytest.fixture
def evaluated(runs, collection):
    """The student's folder with the results of an evaluation, nothing else."""
    from hf_optical.models.pretrained import load_student, load_teacher

    folder = runs / "optical-sw"
    shutil.rmtree(folder / "evaluation")
    student, teacher = load_student(str(folder)), load_teacher(str(runs / "teacher"))
    student.linear.weight.data.mul_(0.5)  # before training its weights are the teacher's
    student.save_pretrained(folder)
    evaluate_students([("mine", student)], teacher, collection, save_to=folder / "evaluation")
    return folder


def test_what_an_evaluation_writes_is_shown_whole(hub, evaluated, caplog):
    with caplog.at_level(logging.WARNING, "hf_optical"):
        outcome = push_student(evaluated, "acme/optical-sw")
    assert not [path for path in outcome.left_out if path.startswith("evaluation")]
    assert not caplog.records
    for system in ("**mine**", "BM25, English queries", "BM25, untranslated", "teacher, English queries", "zero-shot (teacher"):
        assert f"| {system}" in outcome.card
    assert {r.metric_name for r in ModelCard(outcome.card).data.eval_results} >= {"recall@10", "mrr@10"}


def test_results_of_former_weights_go_from_card_and_repository(hub, evaluated, caplog):
    from hf_optical.models import OpticalStudentModel

    push_student(evaluated, "acme/optical-sw")
    student = OpticalStudentModel.from_pretrained(evaluated)
    former = student.fingerprint()
    student.linear.weight.data.neg_()
    student.save_pretrained(evaluated)
    (evaluated / "training.json").unlink()
    caplog.clear()
    outcome = push_student(evaluated, "acme/optical-sw")
    assert "None: this model has not been evaluated as it is now." in outcome.card
    assert "model-index" not in outcome.card
    assert not [path for path in hub.repos["model", "acme/optical-sw"].at("main").files if path.startswith("evaluation")]
    assert outcome.left_out["evaluation/mine.json"] == f"measured on other weights (fingerprint {former})"
    assert "evaluation/mine.trec" in outcome.left_out
    assert outcome.left_out["evaluation/BM25--untranslated.json"] == NO_DATA
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(
        f"5 result files cannot be tied to these weights (fingerprint {student.fingerprint()}), and stay here ("
    )
    assert message.endswith("; ...): evaluate this model again")


def test_an_export_is_no_figure_of_the_model_itself(hub, evaluated):
    mine = json.loads((evaluated / "evaluation" / "mine.json").read_text())
    mine["model"]["export"] = mine["system"] = "ONNX int8"
    (evaluated / "evaluation" / "ONNX-int8.json").write_text(json.dumps(mine))
    card = push_student(evaluated, "acme/optical-sw").card
    assert "| ONNX int8 |" in card
    assert len(ModelCard(card).data.eval_results) == len(mine["metrics"])
    (evaluated / "evaluation" / "mine.json").unlink()
    card = push_student(evaluated, "acme/optical-sw").card
    assert "No row is of this model itself as it is." in card
    assert "model-index" not in card


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": {"recall@10": 0.6}}, r"recall@10 is 0\.6, but that is not the mean over its 3 queries"),
        ({"queries": 5000}, r"it says 5000 queries, but has 3 values of recall@10"),
        (
            {"standard_errors": {"recall@10": 0.001}},
            r"the standard error of recall@10 is 0\.001, but that is not what its 3 values",
        ),
        ({"standard_errors": {"recall@10": "0"}}, "the standard error of recall@10 is 0, but"),
        ({"standard_errors": {"mrr@10": 0.25}}, r"a standard error of mrr@10, but no mean"),
        (
            {"queries": 1, "metrics": {"recall@10": 1.0}, "per_query": {"recall@10": {"q1": 1.0}}},
            r"the standard error of recall@10 is 0\.25, but one query has none",
        ),
    ],
)
def test_figures_that_do_not_follow_from_the_queries_are_refused(tmp_path, change, message):
    values = {"q1": 1.0, "q2": 0.25, "q3": 0.25, "q4": None}
    errors = {"recall@10": 0.25}
    content = {"system": "sw", "queries": 3, "metrics": {"recall@10": 0.5}, "standard_errors": errors}
    content["per_query"] = {"recall@10": values}
    file = tmp_path / "evaluation" / "sw.json"
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    (result,) = read_results(tmp_path)
    assert (result.queries, result.standard_errors) == (3, errors)
    file.write_text(json.dumps({key: value for key, value in content.items() if key != "standard_errors"}))
    assert read_results(tmp_path)[0].standard_errors == {}
    file.write_text(json.dumps(content | change))
    with pytest.raises(HubError, match=rf"^evaluation/sw\.json: .*{message}.*: evaluate again\.$"):
        read_results(tmp_path)


def test_a_teachers_card(hub, evaluated, runs):
    shutil.move(evaluated / "evaluation", runs / "teacher" / "evaluation")
    outcome = push_teacher(runs / "teacher", "acme/teacher")
    assert list(outcome.left_out) == ["evaluation/mine.json", "evaluation/mine.trec"]
    names = [(r.metric_name, r.dataset_name) for r in ModelCard(outcome.card).data.eval_results]
    assert len(names) == len(set(names))  # not once more for the untranslated queries
    assert "| **teacher, English queries** |" in outcome.card


@pytest.mark.parametrize("place", ["/home/ada/my runs/sw", "~/sw", "../../home/ada/sw"])
def test_folders_of_a_machine_are_not_in_names_of_files(hub, evaluated, place):
    """An evaluation names its files after the path of the student, as it was given."""
    stem = "".join(c if c.isalnum() else "-" for c in place).strip("-")
    mine = json.loads((evaluated / "evaluation" / "mine.json").read_text())
    for ending in ("json", "trec"):
        (evaluated / "evaluation" / f"mine.{ending}").rename(evaluated / "evaluation" / f"{stem}.{ending}")
    (evaluated / "evaluation" / f"{stem}.json").write_text(json.dumps(mine | {"system": place}))
    card = push_student(evaluated, "acme/optical-sw").card
    sent = hub.repos["model", "acme/optical-sw"].at("main").files
    assert {"evaluation/sw.json", "evaluation/sw.trec"} <= sent.keys()
    assert not [path for path in sent if "ada" in path]
    assert "[json](evaluation/sw.json)" in card
    assert "| **sw** |" in card


def test_two_files_of_one_name_are_a_question(hub, evaluated):
    mine = json.loads((evaluated / "evaluation" / "mine.json").read_text())
    for name, system in (("sw", "sw"), ("home-ada-sw", "/home/ada/sw")):
        (evaluated / "evaluation" / f"{name}.json").write_text(json.dumps(mine | {"system": system}))
    with pytest.raises(HubError, match=r"would be sent as evaluation/sw\.json, and there is another file of that name"):
        push_student(evaluated, "acme/optical-sw")


def test_sentence_retrieval_says_what_it_measured(tiny_teacher, tiny_student, tmp_path):
    from hf_optical.evaluation.bitext_retrieval import evaluate_bitext_retrieval, save_bitext_result

    english, swahili = ["water", "maize"], ["maji", "mahindi"]
    results = [evaluate_bitext_retrieval(tiny_student, tiny_teacher, english, swahili, max_length=n) for n in (None, None, 8)]
    save_bitext_result(results[0], tmp_path, "s")
    saved = json.loads((tmp_path / "s.bitext.json").read_text())
    assert saved["model"] == {"fingerprint": tiny_student.fingerprint()}
    data = [result.benchmark["fingerprint"] for result in results]
    assert saved["benchmark"]["fingerprint"] == data[0] == data[1] != data[2]
