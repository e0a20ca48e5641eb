"""Loading models for a command: what is wrong with a path is told in one line."""

import json
import shutil

import pytest
import torch

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel
from hf_optical.models.pretrained import check_encoder, load_model, load_student, load_teacher


def test_teacher_and_student(workshop, capfd):
    assert isinstance(load_teacher("teacher"), OpticalTeacherModel)
    student = load_student("student")
    assert isinstance(student, OpticalStudentModel)
    assert not student.training
    assert capfd.readouterr().err == ""  # no bars for reading weights


@pytest.mark.parametrize(
    ("load", "path", "message"),
    [
        (load_teacher, "student", "student is a student, not a teacher"),
        (load_teacher, "encoder", "encoder is a plain bert model, not a teacher: make one from it with `optical teach"),
        (load_student, "teacher", "teacher is a teacher, not a student: distil one"),
        (load_student, "encoder", "encoder is a plain bert model, not a student"),
        (load_model, "encoder", "encoder is a plain bert model, not a teacher or a student"),
        (load_model, "./techer", "there is no such folder; did you mean 'teacher'?"),
        (load_teacher, "pairs.tsv", "teacher pairs.tsv is a file: give the folder"),
        (load_teacher, "benchmark", "teacher benchmark holds no model: there is no config.json in it"),
        (load_teacher, "./techer", "there is no such folder; did you mean 'teacher'?"),
        (load_teacher, "benchmark/teacher", "there is no such folder"),
        (load_student, "nobody/nothing", "not in the local cache of the Hub, and the Hub cannot be reached"),
        (check_encoder, "teacher", "encoder teacher is a teacher already"),
        (check_encoder, "student", "encoder student is a student already"),
        (check_encoder, "nowhere/at/all", "there is no such folder"),
    ],
)
def test_wrong_paths(workshop, load, path, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_training_that_has_not_finished(workshop):
    (workshop / "run" / "checkpoint-5").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds no model: its training has not finished: finish it with --resume"):
        load_student("run")


def without_weights(folder):
    (folder / "model.safetensors").unlink()


def truncated(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def empty(folder):
    (folder / "model.safetensors").write_bytes(b"")


def pickled(folder):
    without_weights(folder)
    torch.save({}, folder / "pytorch_model.bin")


def broken_config(folder):
    (folder / "config.json").write_text('{"model_type": "optical_teacher"')


def list_config(folder):
    (folder / "config.json").write_text("[]")


def binary_config(folder):
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")


def other_weights(folder):
    shutil.copy(folder.parent / "encoder" / "model.safetensors", folder)


def other_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"embedding_dim": 24}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_weights, "no file named model.safetensors"),
        (truncated, "the weights are damaged or cut off"),
        (empty, "the weights are damaged or cut off"),
        (pickled, "pickled"),
        (broken_config, r"config.json: line 1"),
        (list_config, r"config.json: expected a JSON object"),
        (binary_config, r"config.json: byte 0: not UTF-8"),
        (other_weights, "missing"),
        (other_shape, "missing or of another shape"),
    ],
)
@pytest.mark.parametrize("kind", ["teacher", "student"])
def test_damaged_checkpoints(workshop, kind, damage, message):
    damage(workshop / kind)
    with pytest.raises(ValueError, match=message):
        (load_teacher if kind == "teacher" else load_student)(kind)
