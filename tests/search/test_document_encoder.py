"""Which models an index says encoded its documents, and what it tells of them elsewhere."""

import copy
import json

import pytest
import torch

from hf_optical.hub.index_files import stored_index
from hf_optical.models import OpticalStudentModel
from hf_optical.search import DiskIndex
from hf_optical.search.document_encoder import document_space
from hf_optical.search.manifest import MANIFEST, Manifest, model_name


@pytest.fixture
def teacher(tiny_teacher, tmp_path, monkeypatch):
    """In a folder whose path is private."""
    monkeypatch.chdir(tmp_path)
    teacher = copy.deepcopy(tiny_teacher)
    teacher.name_or_path = str(tmp_path / "secret" / "teacher")
    return teacher


@pytest.fixture
def writer(teacher):
    """A student of documents that was never saved."""
    student = OpticalStudentModel.from_teacher(teacher, languages=["sw"], side="both")
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return student


def test_no_path_of_an_encoder_leaves_the_machine(teacher, writer):
    index = DiskIndex.build("i", teacher, ["e"], ["the farmer"], show_progress_bar=False)
    writer.name_or_path = "secret/writer"
    (index.folder.parent / writer.name_or_path).mkdir(parents=True)
    index.add(writer, ["s"], ["mkulima"], show_progress_bar=False)
    assert index.manifest.encoders == {teacher.fingerprint(): "teacher", writer.fingerprint(): "writer"}
    # as it was written once
    index.manifest.changed(encoders={teacher.fingerprint(): teacher.name_or_path}).write(index.folder)
    _, sent = stored_index(index.folder)
    assert b"secret" not in sent
    (index.folder / MANIFEST).write_bytes(sent)
    assert Manifest.read(index.folder).encoders == {teacher.fingerprint(): "teacher"}


def test_an_encoder_without_a_name_has_none(writer):
    index = DiskIndex.build("i", writer, ["s"], ["mkulima"], show_progress_bar=False)
    assert index.manifest.encoders == {writer.fingerprint(): ""}
    assert [model_name(name) for name in ("", "org/model", "/a/b")] == ["", "org/model", "b"]


def test_an_index_of_the_teachers_documents_is_read_by_those_that_know_no_others(teacher):
    index = DiskIndex.build("i", teacher, ["e"], ["the farmer"], show_progress_bar=False)
    assert "encoders" not in json.loads((index.folder / MANIFEST).read_text())
    assert Manifest.read(index.folder) == index.manifest


def test_a_student_that_does_not_know_its_teacher_encodes_nothing(writer):
    writer.config.teacher = None
    with pytest.raises(ValueError, match="does not know its teacher: call record_teacher"):
        document_space(writer)
