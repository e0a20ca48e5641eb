"""The late-interaction model: saving and loading, what is refused, encoding, MaxSim."""

import copy
import json
import logging
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel, encoding_optical, maxsim

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


def test_a_plain_encoder_gets_a_projection_and_markers_only(encoder_dir, teacher, caplog):
    encoder = encoder_dir(teacher.config.backbone_config.model_type)
    plain = AutoModel.from_pretrained(encoder).state_dict()
    for name, weight in teacher.backbone.state_dict().items():
        assert torch.equal(weight[: len(plain[name])], plain[name]), name
    assert teacher.config.vocab_size == len(teacher.tokenizer) == teacher.get_input_embeddings().weight.shape[0]
    torch.testing.assert_close(teacher.linear.weight @ teacher.linear.weight.T, torch.eye(16))
    with caplog.at_level(logging.WARNING, logger="transformers"):
        one = OpticalTeacherModel.from_encoder(encoder, **SIZES)
    assert "LOAD REPORT" not in caplog.text  # that the projection is new is no news
    torch.manual_seed(5)
    two = OpticalTeacherModel.from_encoder(encoder, **SIZES)
    torch.manual_seed(5)
    three = OpticalTeacherModel.from_encoder(encoder, **SIZES)
    assert torch.equal(two.linear.weight, three.linear.weight)
    assert two.fingerprint() == three.fingerprint() != one.fingerprint()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_with_a_language_model_head_is_a_plain_encoder_too(encoder_dir, tmp_path, family):
    """So are most encoders on the Hub saved: every name has a prefix, and there is a head."""
    model = AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(encoder_dir(family)))
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(encoder_dir(family)).save_pretrained(tmp_path)
    teacher = OpticalTeacherModel.from_encoder(str(tmp_path), **SIZES)
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
    "gone": (lambda f: (f / "model.safetensors").unlink(), "no weights to load"),
    "pickled": (pickle, "pickled ones are not taken"),
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
    with pytest.raises(ValueError, match=r"holds a bert model, not a optical_teacher.*OpticalTeacherModel.from_encoder"):
        OpticalTeacherModel.from_pretrained(encoder_dir("bert"))
    copy.deepcopy(tiny_student).save_pretrained(tmp_path / "student")
    with pytest.raises(ValueError, match="holds a optical_student model, not a optical_teacher"):
        OpticalTeacherModel.from_pretrained(tmp_path / "student")
    with pytest.raises(ValueError, match="holds a optical_teacher model, not a optical_student"):
        OpticalStudentModel.from_pretrained(folder)
    assert type(AutoModel.from_pretrained(tmp_path / "student")) is OpticalStudentModel


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


@pytest.mark.parametrize("settings", [{}, {"do_query_expansion": False}, {"attend_to_expansion_tokens": True}])
def test_a_batch_equals_its_texts_one_by_one(teacher, settings):
    model = copy.deepcopy(teacher)
    for name, value in settings.items():
        setattr(model.config, name, value)
    for encode in (model.encode_query, model.encode_document):
        together = encode(TEXTS, batch_size=len(TEXTS))
        assert same(encode(TEXTS[::-1], batch_size=len(TEXTS))[::-1], together)  # in the order given
        for text, embeddings in zip(TEXTS, together, strict=True):
            (alone,) = encode([text])
            torch.testing.assert_close(embeddings, alone, atol=1e-5, rtol=0)
            torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(len(embeddings)))
            if encode == model.encode_query and model.config.do_query_expansion:
                assert embeddings.shape == (16, 16)


def test_expansion_positions_are_not_attended_to(teacher):
    """What stands at positions with attention 0 changes nothing elsewhere."""
    batch = teacher.processor.queries(["maji"])
    real = batch["attention_mask"][0].bool()
    other = batch | {"input_ids": torch.where(real, batch["input_ids"], 7)}
    with torch.no_grad():
        one, two = teacher(**batch).embeddings[0], teacher(**other).embeddings[0]
    torch.testing.assert_close(one[real], two[real], atol=1e-6, rtol=0)
    assert not torch.allclose(one[~real], two[~real], atol=1e-3)
    assert one[~real].norm(dim=-1).min() > 0.99  # but they are scored


def test_forward_output(teacher):
    batch = teacher.processor.documents(TEXTS)
    output = teacher(**batch)
    assert output.embeddings.shape == (*batch["input_ids"].shape, 16)
    assert output.last_hidden_state.shape == (*batch["input_ids"].shape, 32)
    assert output.embeddings[batch["scoring_mask"] == 0].abs().max() == 0
    assert torch.equal(output.scoring_mask, batch["scoring_mask"])
    assert torch.equal(output[0], output.embeddings)
    bare = teacher(batch["input_ids"], batch["attention_mask"])
    assert torch.equal(bare.scoring_mask, batch["attention_mask"])


def test_encoding_nothing_and_many(tiny_teacher, monkeypatch, capsys):
    assert tiny_teacher.encode_query([]) == []
    assert tiny_teacher.encode_document([]) == []
    assert tiny_teacher.encode_document(iter(["maji", "safi"]))[1].shape == (4, 16)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        tiny_teacher.encode_query(["maji"], batch_size=0)
    monkeypatch.setattr(encoding_optical, "_PROGRESS_FROM", 5)
    shown = []
    bar = encoding_optical.hf_logging.tqdm
    monkeypatch.setattr(encoding_optical.hf_logging, "tqdm", lambda **kw: shown.append(not kw["disable"]) or bar(**kw))
    for texts, wish in ((TEXTS, None), (TEXTS[:5], None), (TEXTS[:1], True), (TEXTS, False)):
        tiny_teacher.encode_document(texts, show_progress_bar=wish)
    assert shown == [True, False, True, False]


@pytest.mark.parametrize("training", [True, False])
def test_encoding_leaves_the_mode_alone(tiny_teacher, training):
    model = copy.deepcopy(tiny_teacher).train(training)
    one, two = model.encode_query(TEXTS), model.encode_query(TEXTS)
    assert model.training is training
    assert same(one, two)  # without dropout
    model.linear.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.encode_query(TEXTS)
    assert model.training is training


def test_encoded_embeddings_can_be_the_target_of_a_loss(tiny_teacher):
    model = copy.deepcopy(tiny_teacher)
    (target,) = model.encode_query(["maji"])
    assert not target.requires_grad
    loss = maxsim(model(**model.processor.queries(["safi"])).embeddings, target[None]).sum()
    loss.backward()
    assert model.linear.weight.grad.abs().sum() > 0


def test_gradient_checkpointing_gives_the_same_gradients(teacher):
    grads = []
    for checkpointing in (False, True):
        model = copy.deepcopy(teacher).eval()
        if checkpointing:
            model.activation_checkpointing_enable()
            model.train()  # checkpointing acts in training only; without dropout that changes nothing else
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
                if hasattr(module, "dropout") and isinstance(module.dropout, float):
                    module.dropout = 0.0
            assert model.is_activation_checkpointing
        model(**model.processor.documents(TEXTS)).embeddings[..., 0].sum().backward()
        grads.append(model.get_input_embeddings().weight.grad)
    torch.testing.assert_close(*grads, atol=1e-5, rtol=1e-4)


def test_autocast(teacher):
    batch = teacher.processor.queries(TEXTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = teacher(**batch)
    assert output.embeddings.dtype == torch.float32
    torch.testing.assert_close(output.embeddings.norm(dim=-1), torch.ones(len(TEXTS), 16))
    with torch.no_grad():
        exact = teacher(**batch).embeddings
    assert (output.embeddings * exact).sum(-1).mean() > 0.99


def test_resaving_and_sharded_weights(folder, tiny_teacher):
    model = OpticalTeacherModel.from_pretrained(folder)
    model.save_pretrained(folder, max_shard_size="20KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert same(AutoModel.from_pretrained(folder).encode_query(TEXTS), tiny_teacher.encode_query(TEXTS))
    shutil.rmtree(folder)  # nothing is read from there any more
    assert len(model.encode_query(TEXTS)) == len(TEXTS)


numbers = some.integers(1, 4)


@given(numbers, numbers, numbers, numbers, some.integers(0, 2**31))
def test_maxsim_is_the_double_sum(q, k, n, m, seed):
    rng = np.random.default_rng(seed)
    queries, documents = rng.normal(size=(q, n, 3)), rng.normal(size=(k, m, 3))
    query_mask, document_mask = rng.random((q, n)) < 0.7, rng.random((k, m)) < 0.7
    document_mask[:, 0] = True
    expected = np.zeros((q, k))
    for i in range(q):
        for j in range(k):
            for t in range(n):
                if query_mask[i, t]:
                    expected[i, j] += max(queries[i, t] @ documents[j, u] for u in range(m) if document_mask[j, u])
    scores = maxsim(*map(torch.tensor, (queries, documents, query_mask, document_mask)))
    np.testing.assert_allclose(scores.numpy(), expected, atol=1e-12)


def test_maxsim_of_a_document_without_tokens():
    queries, documents = torch.eye(2)[None], torch.eye(2)[None].repeat(2, 1, 1)
    scores = maxsim(queries, documents, document_mask=torch.tensor([[1, 1], [0, 0]]))
    assert scores.tolist() == [[2.0, -torch.inf]]
    masked = maxsim(queries, documents, torch.tensor([[1, 0]]), torch.tensor([[1, 1], [1, 1]]))
    assert masked.tolist() == [[1.0, 1.0]]
