"""The student: whose it is, which documents it takes, and that it starts as it should."""

import copy
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel, TeacherMismatchError, maxsim

FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")
TEXTS = ["mahindi huhifadhiwaje?", "", "maji safi ya kunywa", "soko la kijiji liko wapi, na bei ni gani? " * 3]
DOCUMENTS = ["Maize is dried, then stored.", "water"]


@pytest.fixture
def other_teacher(tiny_teacher):
    other = copy.deepcopy(tiny_teacher)
    with torch.no_grad():
        other.linear.weight.mul_(-1)
    return other


def test_undistilled_it_is_its_teacher(tiny_teacher, tiny_student):
    for mine, theirs in zip(tiny_student.encode_query(TEXTS), tiny_teacher.encode_query(TEXTS), strict=True):
        assert torch.equal(mine, theirs)
    for mine, theirs in zip(tiny_student.encode_document(DOCUMENTS), tiny_teacher.encode_document(DOCUMENTS), strict=True):
        assert torch.equal(mine, theirs)
    assert not tiny_student.training


@pytest.mark.parametrize("family", FAMILIES)
def test_a_copy_of_any_family_is_its_teacher(encoder_dir, tmp_path, family):
    teacher = OpticalTeacherModel.from_encoder(
        encoder_dir(family), embedding_dim=8, query_length=12, document_length=20, do_query_expansion=False
    )
    student = OpticalStudentModel.from_teacher(teacher, languages=["sw"])
    student.save_pretrained(tmp_path)
    for model in (student, AutoModel.from_pretrained(tmp_path)):
        assert all(torch.equal(a, b) for a, b in zip(model.encode_query(TEXTS), teacher.encode_query(TEXTS), strict=True))


def test_a_copy_shares_no_weights_and_no_tokenizer(tiny_teacher):
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"], query_prefix="[Swali] ", query_length=20)
    assert student.config.query_length == 20
    assert student.config.vocab_size == len(student.tokenizer) == len(tiny_teacher.tokenizer) + 1
    before = tiny_teacher.fingerprint()
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(1.0)
    assert tiny_teacher.fingerprint() == before
    assert tiny_teacher.config.query_length == 16
    assert student.config.backbone_config is not tiny_teacher.config.backbone_config


def test_it_takes_over_how_the_teacher_looks_at_text(encoder_dir):
    teacher = OpticalTeacherModel.from_encoder(
        encoder_dir("bert"),
        embedding_dim=8,
        query_length=12,
        document_length=20,
        query_prefix="[unused0]",
        document_prefix="",
        attend_to_expansion_tokens=True,
        skiplist_words=["maji"],
    )
    student = OpticalStudentModel.from_encoder(encoder_dir("modernbert"), teacher, languages=["sw"], query_length=24)
    for name in (
        "embedding_dim",
        "document_length",
        "query_prefix",
        "document_prefix",
        "attend_to_expansion_tokens",
        "skiplist_words",
    ):
        assert getattr(student.config, name) == getattr(teacher.config, name), name
    assert student.config.query_length == 24
    assert student.encode_query(["maji"])[0].shape == (24, 8)


@pytest.mark.parametrize("family", ["xlm-roberta", "modernbert"])
def test_own_vocabulary_and_family(encoder_dir, tiny_teacher, tmp_path, family):
    student = OpticalStudentModel.from_encoder(encoder_dir(family), tiny_teacher, languages=["sw", "ha"])
    assert student.config.backbone_config.model_type == family
    assert student.config.vocab_size != tiny_teacher.config.vocab_size
    plain = AutoModel.from_pretrained(encoder_dir(family)).state_dict()
    copied = student.backbone.state_dict()
    assert set(plain) - set(copied) <= {"pooler.dense.weight", "pooler.dense.bias"}
    assert all(torch.equal(weight[: len(plain[name])], plain[name]) for name, weight in copied.items())
    student.save_pretrained(tmp_path)
    again = AutoModel.from_pretrained(tmp_path)
    assert type(again) is OpticalStudentModel
    queries = student.encode_query(TEXTS)
    assert all(torch.equal(a, b) for a, b in zip(again.encode_query(TEXTS), queries, strict=True))
    documents = again.attach_teacher(tiny_teacher).encode_document(DOCUMENTS)
    assert maxsim(torch.stack(queries), documents[0][None]).shape == (len(TEXTS), 1)


def test_what_it_records_survives_saving(tiny_teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    teacher = copy.deepcopy(tiny_teacher)
    unnamed = OpticalStudentModel.from_teacher(teacher, languages=["sw"])
    assert unnamed.config.teacher == {"name_or_path": None, "revision": None, "fingerprint": teacher.fingerprint()}
    teacher.save_pretrained("runs/teacher")
    student = OpticalStudentModel.from_teacher(OpticalTeacherModel.from_pretrained("runs/teacher"), languages=["sw", "ha"])
    student.save_pretrained("runs/student")
    for config in (AutoConfig.from_pretrained("runs/student"), AutoModel.from_pretrained("runs/student").config):
        assert config.languages == ["sw", "ha"]
        assert config.teacher == {"name_or_path": "teacher", "revision": None, "fingerprint": tiny_teacher.fingerprint()}
    # just trained and saved: the place where it lies is its name; of a path, only what means something elsewhere
    teacher.save_pretrained(tmp_path / "runs" / "better")
    assert OpticalStudentModel.from_teacher(teacher, languages=["sw"]).config.teacher["name_or_path"] == "better"


@pytest.mark.parametrize("place", ["runs/teacher", "runs/teacher/", "./runs/../runs/teacher", "."])
def test_a_folder_is_recorded_by_its_last_part_and_without_revision(tiny_student, tiny_teacher, tmp_path, monkeypatch, place):
    """`runs/teacher` of one machine would be taken for a repository on another."""
    copy.deepcopy(tiny_teacher).save_pretrained(tmp_path / "runs" / "teacher")
    monkeypatch.chdir(tmp_path / "runs" / "teacher" if place == "." else tmp_path)
    teacher = OpticalTeacherModel.from_pretrained(place, revision="main")
    recorded = copy.deepcopy(tiny_student).record_teacher(teacher).config.teacher
    assert recorded == {"name_or_path": "teacher", "revision": None, "fingerprint": tiny_teacher.fingerprint()}


def test_a_teacher_trained_further_is_recorded_anew(tiny_student, other_teacher):
    student = copy.deepcopy(tiny_student)
    with pytest.raises(TeacherMismatchError):
        student.attach_teacher(other_teacher)
    student.record_teacher(other_teacher)
    student.check_teacher(other_teacher.fingerprint())
    assert torch.equal(student.encode_document(DOCUMENTS)[0], other_teacher.encode_document(DOCUMENTS)[0])


def test_it_holds_no_teacher_weights(tiny_teacher, tiny_student, tmp_path):
    assert tiny_student.state_dict().keys() == tiny_teacher.state_dict().keys()
    assert len(list(tiny_student.parameters())) == len(list(tiny_teacher.parameters()))
    student = copy.deepcopy(tiny_student)
    student.save_pretrained(tmp_path)
    assert load_file(tmp_path / "model.safetensors").keys() == tiny_teacher.state_dict().keys()
    student.train()
    assert not tiny_teacher.training


def test_documents_of_another_teacher_are_refused(tiny_teacher, tiny_student, other_teacher, tmp_path):
    tiny_student.check_teacher(tiny_teacher.fingerprint())
    other_teacher.save_pretrained(tmp_path / "other")
    own, foreign = tiny_teacher.fingerprint(), other_teacher.fingerprint()
    student = copy.deepcopy(tiny_student)
    student.config.teacher["name_or_path"] = "org/teacher"
    with pytest.raises(TeacherMismatchError) as caught:
        student.attach_teacher(OpticalTeacherModel.from_pretrained(tmp_path / "other"))
    for part in ("org/teacher", own, str(tmp_path / "other"), foreign, "use the student's own teacher"):
        assert part in str(caught.value)
    with pytest.raises(TeacherMismatchError, match="another teacher"):
        student.check_teacher("0123")
    student.config.teacher = None
    with pytest.raises(TeacherMismatchError, match="unknown"):
        student.attach_teacher(tiny_teacher)
    assert issubclass(TeacherMismatchError, ValueError)


def test_without_its_teacher_it_encodes_no_documents(tiny_student, tmp_path):
    copy.deepcopy(tiny_student).save_pretrained(tmp_path)
    student = AutoModel.from_pretrained(tmp_path)
    assert len(student.encode_query(TEXTS)) == len(TEXTS)
    with pytest.raises(ValueError, match="attach_teacher"):
        student.encode_document(DOCUMENTS)


def test_a_teacher_in_half_precision_is_the_same_teacher(tiny_teacher, tiny_student, tmp_path):
    copy.deepcopy(tiny_teacher).save_pretrained(tmp_path)
    half = OpticalTeacherModel.from_pretrained(tmp_path, dtype=torch.bfloat16)
    copy.deepcopy(tiny_student).attach_teacher(half)
    assert OpticalStudentModel.from_teacher(half, languages=["sw"]).dtype == torch.bfloat16


@pytest.mark.parametrize("start", ["teacher", "encoder"])
def test_settings_that_cannot_work_are_refused(encoder_dir, tiny_teacher, start):
    def make(**kwargs):
        if start == "teacher":
            return OpticalStudentModel.from_teacher(tiny_teacher, **kwargs)
        return OpticalStudentModel.from_encoder(encoder_dir("xlm-roberta"), tiny_teacher, **kwargs)

    with pytest.raises(ValueError, match="embedding_dim 8 is not the teacher's, 16"):
        make(languages=["sw"], embedding_dim=8)
    with pytest.raises(ValueError, match="list of codes, got the string 'sw'"):
        make(languages="sw")
    with pytest.raises(ValueError, match="query_length 500 is more than the 128 tokens"):
        make(languages=("sw",), query_length=500)


def test_a_student_folder_alone_is_enough(tiny_student, encoder_dir, tmp_path):
    """Everything that loading needs is in the folder: config, weights, tokenizer, code."""
    copy.deepcopy(tiny_student).save_pretrained(tmp_path / "one")
    moved = shutil.move(tmp_path / "one", tmp_path / "two")
    assert torch.equal(AutoModel.from_pretrained(moved).encode_query(TEXTS)[0], tiny_student.encode_query(TEXTS)[0])
    config = json.loads((tmp_path / "two" / "config.json").read_text())
    assert config["architectures"] == ["OpticalStudentModel"]
    assert config["auto_map"] == {
        "AutoConfig": "configuration_optical.OpticalStudentConfig",
        "AutoModel": "modeling_student.OpticalStudentModel",
    }
    for private in (str(tmp_path), encoder_dir("bert")):  # paths of the machine where it was made
        assert private not in json.dumps(config)
