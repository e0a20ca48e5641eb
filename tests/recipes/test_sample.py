"""The main job on the embedded sample, with fewer steps than `train.py` takes."""

import json

import pytest
from transformers import AutoModel, AutoTokenizer

from hf_optical.data.sample_data import sample_collection
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel
from hf_optical.recipes.sample import run_sample


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return folder, {result.system: result for result in run_sample(folder, teacher_steps=40, student_steps=250)}


def test_the_student_beats_zero_shot_by_a_wide_margin(run):
    _, results = run
    student, zero_shot = results["student (optical)"], results["zero-shot (teacher, untranslated)"]
    assert student.queries == 120
    assert student.metrics["recall@10"] > zero_shot.metrics["recall@10"] + 0.15
    assert results["teacher, English queries"].metrics["recall@10"] > 0.7


def test_both_models_load_by_the_auto_classes_and_belong_together(run):
    folder, _ = run
    teacher = AutoModel.from_pretrained(folder / "sample-teacher")
    student = AutoModel.from_pretrained(folder / "sample-sw")
    assert isinstance(teacher, OpticalTeacherModel)
    assert isinstance(student, OpticalStudentModel)
    student.attach_teacher(teacher)
    assert student.config.languages == ["sw"]
    assert AutoTokenizer.from_pretrained(folder / "sample-sw").get_vocab() != teacher.tokenizer.get_vocab()


def test_runs_and_values_of_single_queries_are_kept(run):
    folder, results = run
    saved = json.loads((folder / "sample-sw" / "evaluation" / "student--optical.json").read_text(encoding="utf-8"))
    assert saved["metrics"] == results["student (optical)"].metrics
    assert set(saved["per_query"]["recall@10"]) == set(sample_collection("test").qrels)


def test_an_earlier_run_is_replaced_only_when_asked(run):
    folder, _ = run
    with pytest.raises(FileExistsError, match="sample-teacher"):
        run_sample(folder, overwrite=False)
