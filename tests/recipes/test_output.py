"""The output folder: checked before any work, overwritten only when asked for, never left half-written."""

import os

import pytest

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel
from hf_optical.recipes.output import check_output, check_writable, prepare_output, save_finished


@pytest.fixture
def used(tmp_path):
    """A folder with a finished model, a complete and an incomplete checkpoint, and a file of the user's own."""
    folder = tmp_path / "run"
    for step in (5, 10, 15):
        (folder / f"checkpoint-{step}").mkdir(parents=True)
        if step < 15:
            (folder / f"checkpoint-{step}" / "complete").touch()
    (folder / "config.json").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    return folder


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_new_folder(tmp_path):
    check_output(tmp_path / "a" / "b", resume=False, overwrite=False)
    assert names(tmp_path) == []
    assert prepare_output(tmp_path / "a" / "b", resume=False, overwrite=False) is None
    assert names(tmp_path / "a" / "b") == []


def test_used_folder_is_refused_untouched(used):
    before = names(used)
    with pytest.raises(FileExistsError, match="holds checkpoints already: --resume to go on with it, --overwrite to replace it"):
        prepare_output(used, resume=False, overwrite=False)
    assert names(used) == before


def test_resume_takes_the_last_complete_checkpoint(used):
    assert prepare_output(used, resume=True, overwrite=False) == str(used / "checkpoint-10")
    assert names(used) == ["checkpoint-10", "checkpoint-5", "config.json", "notes.txt"]


def test_resume_where_nothing_was_written_yet(tmp_path):
    assert prepare_output(tmp_path / "run", resume=True, overwrite=False) is None


def test_resume_of_a_finished_model_without_checkpoints(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileExistsError, match="holds a finished model and no checkpoint to resume from"):
        prepare_output(tmp_path, resume=True, overwrite=False)


def test_overwrite_leaves_what_is_not_its_own(used):
    assert prepare_output(used, resume=False, overwrite=True) is None
    assert names(used) == ["notes.txt"]


def test_resume_and_overwrite_contradict(used):
    with pytest.raises(ValueError, match="give one of them"):
        check_output(used, resume=True, overwrite=True)


@pytest.mark.parametrize("name", ["file", "file/run", "file/deeper/run"])
def test_a_file_in_the_way(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match=r"output folder .* cannot be written to \(.*file is not a folder\): give another --output"):
        prepare_output(tmp_path / name, resume=False, overwrite=True)
    assert names(tmp_path) == ["file"]


def test_read_only_folder(tmp_path, monkeypatch):
    def refused(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refused)
    with pytest.raises(OSError, match=r"cannot be written to \(Read-only file system\)"):
        check_output(tmp_path / "run", resume=False, overwrite=False)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc, which takes no new folders")
def test_a_file_system_that_takes_no_folders():
    with pytest.raises(OSError, match="cannot be written to"):
        check_output("/proc/optical", resume=False, overwrite=False)


def test_check_writable_leaves_no_trace(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "a" / "b")
    assert names(tmp_path) == []


def test_finished_model_can_be_loaded(tiny_student, tmp_path):
    import copy

    folder = save_finished(copy.deepcopy(tiny_student), tmp_path / "run")
    loaded = OpticalStudentModel.from_pretrained(folder)
    assert loaded.fingerprint() == tiny_student.fingerprint()
    assert loaded.tokenizer.tokenize("maji") == ["maji"]
    assert ".saving" not in names(folder)


def test_a_saved_teacher_is_recorded_by_its_folder(encoder_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    teacher = OpticalTeacherModel.from_encoder(encoder_dir("bert"), embedding_dim=8, query_length=16, document_length=48)
    save_finished(teacher, "runs/teacher")
    student = OpticalStudentModel.from_teacher(teacher, languages=["sw"])
    assert student.config.teacher["name_or_path"] == "teacher"


def test_full_disk_while_the_model_is_saved(tiny_student, tmp_path, monkeypatch):
    import copy

    student = copy.deepcopy(tiny_student)
    save_finished(student, tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    def full(folder, *args, **kwargs):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(student, "save_pretrained", full)
    with pytest.raises(OSError, match=r"could not be written to .*No space left on device.*make room, then --resume"):
        save_finished(student, tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
