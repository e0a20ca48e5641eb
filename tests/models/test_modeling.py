"""The late-interaction model: forward, encoding, gradients, MaxSim."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import nn

from hf_optical.models import OpticalTeacherModel, encoding_optical, maxsim

FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")
TEXTS = ["How is maize stored?", "", "maji", "Safari ya ndege: mto, ziwa & mlima... 'maji' ni nini? " * 4, "東京", "water is dry"]
SIZES = {"embedding_dim": 16, "query_length": 16, "document_length": 48}


@pytest.fixture(scope="module", params=FAMILIES)
def teacher(request, encoder_dir):
    return OpticalTeacherModel.from_encoder(encoder_dir(request.param), **SIZES)


def same(one, other) -> bool:
    return len(one) == len(other) and all(torch.equal(x, y) for x, y in zip(one, other, strict=True))


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
