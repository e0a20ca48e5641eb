"""Saving and loading: nothing is lost, nothing is made up, and what is incomplete is refused."""

import copy
import json
import logging
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from hf_optical.models import OpticalStudentModel, OpticalTeacherConfig, OpticalTeacherModel, maxsim

FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")
TEXTS = ["How is maize stored?", "", "maji", "Safari ya ndege: mto, ziwa & mlima... 'maji' ni nini? " * 4, "東京", "water is dry"]
SIZES = {"embedding_dim": 16, "query_length": 16, "document_length": 48}


@pytest.fixture(scope="module", params=FAMILIES)
def teacher(request, encoder_dir):
    return OpticalTeacherModel.from_encoder(encoder_dir(request.param), **SIZES)


@pytest.fixture
def folder(tiny_teacher, tmp_path):
    copy.deepcopy(tiny_teacher).save_pretrained(tmp_path / "teacher")
    return tmp_path / "teacher"


def same(one, other) -> bool:
    return len(one) == len(other) and all(torch.equal(x, y) for x, y in zip(one, other, strict=True))


def test_round_trip_is_bit_identical(teacher, tmp_path):
    teacher.save_pretrained(tmp_path)
    queries, documents = teacher.encode_query(TEXTS), teacher.encode_document(TEXTS)
    poison = [torch.full((64, 64), torch.nan) for _ in range(64)]  # what uninitialised memory would then be made of
    del poison
    for again in (AutoModel.from_pretrained(tmp_path), OpticalTeacherModel.from_pretrained(str(tmp_path))):
        assert type(again) is OpticalTeacherModel
        assert not again.training
        assert type(again.config) is type(AutoConfig.from_pretrained(tmp_path))
        assert same(again.encode_query(TEXTS), queries)
        assert same(again.encode_document(TEXTS), documents)
        assert again.fingerprint() == teacher.fingerprint()
        buffers = dict(again.named_buffers())  # rotary frequencies, position ids: not in the checkpoint
        assert buffers.keys() == dict(teacher.named_buffers()).keys()
        assert all(torch.equal(buffers[name], buffer) for name, buffer in teacher.named_buffers())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert [tokenizer(t)["input_ids"] for t in TEXTS] == [teacher.tokenizer(t)["input_ids"] for t in TEXTS]
    assert tokenizer.convert_tokens_to_ids("[Q] ") == teacher.processor.query_marker


def test_half_precision_keeps_the_fingerprint(teacher, tmp_path):
    teacher.save_pretrained(tmp_path / "a")
    half = AutoModel.from_pretrained(tmp_path / "a", dtype=torch.bfloat16)
    assert half.dtype == half.linear.weight.dtype == torch.bfloat16
    assert half.fingerprint() == teacher.fingerprint()
    half.save_pretrained(tmp_path / "b")
    assert AutoModel.from_pretrained(tmp_path / "b", dtype=torch.float32).fingerprint() == teacher.fingerprint()
    (query,) = half.encode_query(["maji safi"])
    assert query.dtype == torch.float32
    torch.testing.assert_close(query.norm(dim=-1), torch.ones(16))
    assert maxsim(query[None], teacher.encode_query(["maji safi"])[0][None]).item() > 15.5


def test_fingerprint_tells_weights_apart(tiny_teacher):
    other = copy.deepcopy(tiny_teacher)
    with torch.no_grad():
        other.linear.weight[0, 0] += 0.1
    assert other.fingerprint() != tiny_teacher.fingerprint()


def test_a_plain_encoder_gets_a_projection_and_markers_only(encoder_dir, teacher):
    encoder = encoder_dir(teacher.config.backbone_config.model_type)
    plain = AutoModel.from_pretrained(encoder).state_dict()
    for name, weight in teacher.backbone.state_dict().items():
        assert torch.equal(weight[: len(plain[name])], plain[name]), name
    sizes = {teacher.config.vocab_size, teacher.backbone.config.vocab_size, teacher.get_input_embeddings().num_embeddings}
    assert sizes == {len(teacher.tokenizer)}
    torch.testing.assert_close(teacher.linear.weight @ teacher.linear.weight.T, torch.eye(16))
    one = OpticalTeacherModel.from_encoder(encoder, **SIZES)
    torch.manual_seed(5)
    two = OpticalTeacherModel.from_encoder(encoder, **SIZES)
    torch.manual_seed(5)
    three = OpticalTeacherModel.from_encoder(encoder, **SIZES)
    assert torch.equal(two.linear.weight, three.linear.weight)
    assert two.fingerprint() == three.fingerprint() != one.fingerprint()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_with_a_language_model_head_is_a_plain_encoder_too(encoder_dir, tmp_path, family, caplog):
    """So are most encoders on the Hub saved: every name has a prefix, and there is a head."""
    model = AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(encoder_dir(family)))
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(encoder_dir(family)).save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING, logger="transformers"):
        teacher = OpticalTeacherModel.from_encoder(str(tmp_path), **SIZES)
    assert "LOAD REPORT" not in caplog.text  # that a head is left out and the projection is new is no news
    loaded = teacher.backbone.state_dict()
    for name, weight in model.base_model.state_dict().items():
        assert torch.equal(loaded[name][: len(weight)], weight), name


def test_encoders_that_cannot_be_loaded(encoder_dir, folder, tmp_path):
    with pytest.raises(ValueError, match="late-interaction model already"):
        OpticalTeacherModel.from_encoder(str(folder))
    with pytest.raises(ValueError, match=r"^no/such-model has no encoder and tokenizer[^\n]*$"):
        OpticalTeacherModel.from_encoder("no/such-model")
    bare = shutil.copytree(encoder_dir("bert"), tmp_path / "bare")
    rewrite(bare, lambda weights: {k: v for k, v in weights.items() if "layer.1" not in k})
    with pytest.raises(ValueError, match="16 weights of the encoder are missing"):
        OpticalTeacherModel.from_encoder(str(bare))
    pickle(bare)
    with pytest.raises(ValueError, match="no safetensors weights; pickled"):
        OpticalTeacherModel.from_encoder(str(bare))


def test_a_model_from_scratch_takes_a_tokenizer_and_adds_its_markers(encoder_dir, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(encoder_dir("bert"))
    config = OpticalTeacherConfig(backbone_config=AutoConfig.from_pretrained(encoder_dir("bert")), **SIZES)
    model = OpticalTeacherModel(config).with_tokenizer(tokenizer)
    sizes = {model.config.vocab_size, model.backbone.config.vocab_size, model.get_input_embeddings().num_embeddings}
    assert sizes == {len(tokenizer)}
    model.save_pretrained(tmp_path)
    assert same(AutoModel.from_pretrained(tmp_path).encode_query(TEXTS), model.encode_query(TEXTS))


def rewrite(folder, change):
    weights = change(load_file(folder / "model.safetensors"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def set_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    config["backbone_config"] |= changes
    (folder / "config.json").write_text(json.dumps(config))


def cut(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def pickle(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


DAMAGE = {
    "bare": (
        lambda f: rewrite(f, lambda w: {k.removeprefix("backbone."): v for k, v in w.items() if "linear" not in k}),
        "from_encoder",
    ),
    "no projection": (lambda f: rewrite(f, lambda w: {k: v for k, v in w.items() if k != "linear.weight"}), "linear.weight"),
    "a layer gone": (lambda f: rewrite(f, lambda w: {k: v for k, v in w.items() if "layer.1" not in k}), "16 are missing"),
    "a layer too many": (lambda f: set_config(f, num_hidden_layers=1), "16 have no place"),
    "another width": (lambda f: rewrite(f, lambda w: w | {"linear.weight": torch.ones(16, 31)}), "another shape"),
    "other weights": (lambda f: rewrite(f, lambda w: {"x": torch.ones(2)}), "missing"),
    "cut off": (cut, "damaged or cut off"),
    "empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "damaged or cut off"),
    "gone": (lambda f: (f / "model.safetensors").unlink(), "has no model that can be loaded"),
    "pickled": (pickle, "pickled weights are not taken"),
    "another family": (lambda f: set_config(f, model_type="distilbert"), "missing"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_incomplete_checkpoints_are_refused(folder, damage):
    spoil, message = DAMAGE[damage]
    spoil(folder)
    for loader in (AutoModel, OpticalTeacherModel):
        with pytest.raises(ValueError, match=message) as caught:
            loader.from_pretrained(folder)
        assert "\n" not in str(caught.value)
        assert "teacher" in str(caught.value)  # the folder


def test_checkpoints_of_another_kind_are_refused(encoder_dir, folder, tiny_student, tmp_path):
    with pytest.raises(ValueError, match=r"model type bert, expected optical_teacher.*OpticalTeacherModel.from_encoder"):
        OpticalTeacherModel.from_pretrained(encoder_dir("bert"))
    copy.deepcopy(tiny_student).save_pretrained(tmp_path / "student")
    with pytest.raises(ValueError, match="model type optical_student, expected optical_teacher"):
        OpticalTeacherModel.from_pretrained(tmp_path / "student")
    with pytest.raises(ValueError, match="model type optical_teacher, expected optical_student"):
        OpticalStudentModel.from_pretrained(folder)
    assert type(AutoModel.from_pretrained(tmp_path / "student")) is OpticalStudentModel
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: model type not known, expected optical_teacher"):
        OpticalTeacherModel.from_pretrained(tmp_path / "empty")
    (tmp_path / "empty" / "config.json").write_text("{")
    with pytest.raises(ValueError, match="not a valid JSON"):
        OpticalTeacherModel.from_pretrained(tmp_path / "empty")


def test_a_folder_without_a_tokenizer_says_so_when_one_is_needed(folder):
    for file in folder.glob("tokenizer*"):
        file.unlink()
    model = OpticalTeacherModel.from_pretrained(folder)
    with pytest.raises(ValueError, match="no usable tokenizer"):
        model.encode_query(["maji"])
    with pytest.raises(ValueError, match="no usable tokenizer"):
        model.save_pretrained(folder.parent / "copy")
    assert not (folder.parent / "copy").exists()
    with pytest.raises(ValueError, match="built without a tokenizer"):
        _ = OpticalTeacherModel(model.config).tokenizer


def test_resaving_and_sharded_weights(folder, tiny_teacher):
    model = OpticalTeacherModel.from_pretrained(folder)
    model.save_pretrained(folder, max_shard_size="20KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert same(AutoModel.from_pretrained(folder).encode_query(TEXTS), tiny_teacher.encode_query(TEXTS))
    shutil.rmtree(folder)  # nothing is read from there any more
    assert len(model.encode_query(TEXTS)) == len(TEXTS)
