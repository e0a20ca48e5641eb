"""One folder, every loader: what is saved loads in sentence-transformers, token by token the same; PyLate: tests/compat."""

import copy
import json
import logging
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import processors
from transformers import AutoModel, AutoTokenizer

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel, maxsim
from hf_optical.models.sentence_transformers_layout import loader_differences

pytest.importorskip("sentence_transformers")

from sentence_transformers import MultiVectorEncoder

FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")
TEXTS = [
    "How is maize stored?",
    "",
    "maji",
    "Maize -- the farmer's (dry) harvest -- is stored in the village; the price is 1,500!",
    "Safari ya ndege: mto, ziwa & mlima... 'maji' ni nini? " * 4,
    "東京 and [brackets] are text",
]
SIZES = {"embedding_dim": 16, "query_length": 16, "document_length": 48}
SETTINGS = {
    "expanded": {},
    "attended": {"attend_to_expansion_tokens": True, "skiplist_words": ["maize", "no such token", "."]},
    "unexpanded": {"do_query_expansion": False, "skiplist_words": []},
    "no markers": {"query_prefix": "", "document_prefix": ""},
    "as text": {"query_prefix": "swali: ", "document_prefix": "passage: ", "prefixes_are_text": True},
    "square": {"embedding_dim": 32},  # as wide as the encoder: projecting twice would go unnoticed by shapes
}


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


def same(theirs, ours) -> None:
    for text, a, b in zip(TEXTS, theirs, ours, strict=True):
        assert a.shape == b.shape, text
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0, msg=lambda m, text=text: f"{text!r}: {m}")


def saved(model, folder):
    model.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("settings", SETTINGS)
def test_multi_vector_encoder_gives_the_teachers_embeddings(encoder_dir, family, settings, tmp_path):
    teacher = OpticalTeacherModel.from_encoder(encoder_dir(family), **SIZES | SETTINGS[settings])
    loaded = MultiVectorEncoder(saved(teacher, tmp_path), trust_remote_code=True, device="cpu")
    assert type(loaded[0].auto_model) is OpticalTeacherModel
    queries, documents = loaded.encode_query(TEXTS, batch_size=3), loaded.encode_document(TEXTS, batch_size=3)
    same(queries, teacher.encode_query(TEXTS, batch_size=2))
    same(documents, teacher.encode_document(TEXTS, batch_size=2))
    for i, query in enumerate(queries):
        expected = [maxsim(teacher.encode_query([TEXTS[i]])[0][None], d[None]).item() for d in teacher.encode_document(TEXTS)]
        torch.testing.assert_close(loaded.similarity([query], documents)[0], torch.tensor(expected), atol=1e-4, rtol=0)


def test_student_and_teacher_score_together(encoder_dir, tiny_teacher, family, tmp_path):
    student = OpticalStudentModel.from_encoder(encoder_dir(family), tiny_teacher, languages=["sw"], query_length=20)
    theirs = MultiVectorEncoder(saved(student, tmp_path / "student"), trust_remote_code=True, device="cpu")
    teacher = MultiVectorEncoder(saved(copy.deepcopy(tiny_teacher), tmp_path / "teacher"), trust_remote_code=True, device="cpu")
    same(theirs.encode_query(TEXTS), student.encode_query(TEXTS))
    scores = theirs.similarity(theirs.encode_query(TEXTS), teacher.encode_document(TEXTS))
    documents = student.encode_document(TEXTS)  # the teacher's
    expected = torch.stack([torch.cat([maxsim(q[None], d[None])[0] for d in documents]) for q in student.encode_query(TEXTS)])
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=0)


ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hf_optical":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import torch
torch.set_num_threads(1)
from sentence_transformers import MultiVectorEncoder
out, teacher, student, *texts = sys.argv[1:]
teacher, student = (MultiVectorEncoder(folder, trust_remote_code=True, device="cpu") for folder in (teacher, student))
assert type(student[0].auto_model).__module__.startswith("transformers_modules.")
torch.save({"queries": student.encode_query(texts), "documents": teacher.encode_document(texts)}, out)
"""


@pytest.mark.slow
def test_where_this_package_is_not_installed(encoder_dir, tiny_teacher, tmp_path):
    teacher = copy.deepcopy(tiny_teacher)
    student = OpticalStudentModel.from_encoder(encoder_dir("modernbert"), teacher, languages=["sw"])
    folders = [saved(teacher, tmp_path / "teacher"), saved(student, tmp_path / "student")]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "HF_MODULES_CACHE")}
    environment |= {"HF_HOME": str(tmp_path / "hf_home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", ALONE, str(tmp_path / "out.pt"), *folders, *TEXTS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = torch.load(tmp_path / "out.pt")
    same(found["queries"], student.encode_query(TEXTS))
    same(found["documents"], teacher.encode_document(TEXTS))


def test_a_student_refuses_the_side_that_is_its_teachers(tiny_student, tmp_path):
    student = copy.deepcopy(tiny_student)
    for side, refused, kept in (("query", "document", "query"), ("document", "query", "document"), ("both", None, "document")):
        student.config.side = side
        loaded = MultiVectorEncoder(saved(student, tmp_path / side), trust_remote_code=True, device="cpu")
        assert len(getattr(loaded, f"encode_{kept}")(TEXTS)) == len(TEXTS)
        if refused:
            with pytest.raises(ValueError, match=f"does not take encode_{refused}: that side is its teacher's"):
                getattr(loaded, f"encode_{refused}")(TEXTS)


def test_side_files(tiny_teacher, tmp_path):
    teacher = copy.deepcopy(tiny_teacher)
    folder = tmp_path / "teacher"
    folder.mkdir()
    (folder / "modules.json").write_text("of an earlier model")
    saved(teacher, folder)
    read = {f: json.loads((folder / f).read_text()) for f in ("modules.json", "config_sentence_transformers.json")}
    assert [module["path"] for module in read["modules.json"]] == ["", "1_Dense"]
    assert read["config_sentence_transformers.json"]["model_type"] == "ColBERT"
    (name, weight), *others = load_file(folder / "1_Dense" / "model.safetensors").items()
    assert (name, others) == ("linear.weight", [])
    assert torch.equal(weight, teacher.linear.weight)
    assert not list(folder.rglob("*.partial"))
    assert AutoModel.from_pretrained(folder).fingerprint() == tiny_teacher.fingerprint()
    output = teacher(**teacher.processor.documents(TEXTS), return_dict=True)
    assert torch.equal(output[0], output.last_hidden_state)  # PyLate takes the first output for the encoder's
    assert output.embeddings.shape[-1] == 16
    with pytest.raises(ValueError, match="late-interaction model already"):
        OpticalTeacherModel.from_colbert(str(folder))


def test_weights_gathered_by_the_trainer_are_those_of_the_projection(tiny_teacher, tmp_path):
    state = {name: tensor + 1 for name, tensor in tiny_teacher.state_dict().items()}
    gathered = state["linear.weight"]
    copy.deepcopy(tiny_teacher).save_pretrained(tmp_path, state_dict=state)
    assert torch.equal(load_file(tmp_path / "1_Dense" / "model.safetensors")["linear.weight"], gathered)
    copy.deepcopy(tiny_teacher).save_pretrained(tmp_path / "other", is_main_process=False)
    assert not (tmp_path / "other" / "modules.json").exists()


def test_half_precision(tiny_teacher, tmp_path):
    half = copy.deepcopy(tiny_teacher).to(torch.bfloat16)
    loaded = MultiVectorEncoder(saved(half, tmp_path), trust_remote_code=True, device="cpu")
    for theirs, ours in zip(loaded.encode_query(TEXTS), half.encode_query(TEXTS), strict=True):
        assert torch.nn.functional.cosine_similarity(theirs.float(), ours, dim=-1).min() > 0.999


def test_skiplist_holds_single_tokens_only(encoder_dir, tmp_path):
    """PyLate looks up every word: one that is no token would hide each unknown word from scoring."""
    words = ["maize", "no such token", "."]
    teacher = OpticalTeacherModel.from_encoder(encoder_dir("bert"), **SIZES, skiplist_words=words)
    settings = json.loads((tmp_path / saved(teacher, tmp_path) / "config_sentence_transformers.json").read_text())
    assert sorted(settings["skiplist_words"]) == [".", "maize"]


def test_what_a_loader_would_do_otherwise_is_said(encoder_dir, tmp_path, caplog):
    teacher = OpticalTeacherModel.from_encoder(encoder_dir("bert"), **SIZES)
    assert loader_differences(teacher.processor) == []
    tokenizer = AutoTokenizer.from_pretrained(encoder_dir("bert"))
    tokenizer.padding_side = "left"
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP]", special_tokens=[("[SEP]", tokenizer.sep_token_id)]
    )
    teacher = OpticalTeacherModel.from_encoder(encoder_dir("bert"), tokenizer=tokenizer, **SIZES)
    with caplog.at_level(logging.WARNING, logger="transformers"):
        saved(teacher, tmp_path)
    assert "pads on the left" in caplog.text
    assert "PyLate puts the marker '[Q] ' behind the first token" in caplog.text
    as_text = OpticalTeacherModel.from_encoder(encoder_dir("bert"), **SIZES | SETTINGS["as text"])
    assert "prompt_name='query'" in " ".join(loader_differences(as_text.processor))
