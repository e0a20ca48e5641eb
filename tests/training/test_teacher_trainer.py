"""The English teacher's training: it learns, the losses are those of the papers."""

import copy

import pytest
import torch
from datasets import Dataset
from torch import nn

from hf_optical.models import maxsim
from hf_optical.ranking_losses import in_batch_loss, kd_loss
from hf_optical.training import RetrievalCollator, TeacherTrainer, TeacherTrainingArguments
from hf_optical.training.teacher_trainer import encode_in_groups

TOPICS = ["water river lake rain", "maize seed soil harvest", "school teacher book child", "bus road travel price"]


@pytest.fixture
def triples():
    words = [topic.split() for topic in TOPICS]
    rows = [
        {
            "query": f"{w[i]} {w[j]}",
            "positive": " ".join([w[i], "the", w[j]]),
            "negatives": [TOPICS[(t + 1) % 4], TOPICS[(t + 2) % 4]],
        }
        for t, w in enumerate(words)
        for i in range(4)
        for j in range(4)
        if i != j
    ]
    return Dataset.from_list(rows)


@pytest.fixture
def make_teacher_trainer(tmp_path, tiny_teacher):
    from transformers import set_seed

    def make(data, held_out=None, **arguments):
        settings = {"use_cpu": True, "disable_tqdm": True, "max_steps": 4, "per_device_train_batch_size": 8, "save_strategy": "no"}
        args = TeacherTrainingArguments(output_dir=str(tmp_path / "run"), logging_steps=1, **settings | arguments)
        set_seed(args.seed)
        return TeacherTrainer(copy.deepcopy(tiny_teacher), args, data, held_out)

    return make


@pytest.mark.parametrize("scored", [False, True])
def test_the_loss_falls(make_teacher_trainer, triples, scored):
    data = triples.add_column("scores", [[3.0, 1.0, 0.0]] * len(triples)) if scored else triples
    trainer = make_teacher_trainer(data, held_out=data, max_steps=40, learning_rate=3e-3, temperature=0.5)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert trainer.evaluate()["eval_loss"] < 0.7 * before


def test_compute_loss_by_hand(make_teacher_trainer, triples):
    trainer = make_teacher_trainer(triples.add_column("scores", [[3.0, 1.0, 0.0]] * len(triples)), temperature=2.0, kd_weight=0.5)
    rows = [triples[i] | {"scores": [3.0, 1.0, 0.0]} for i in (0, 13, 30)]
    batch = trainer.data_collator(rows)
    model = trainer.model.eval()
    loss, scores = trainer.compute_loss(model, batch, return_outputs=True)
    queries = [model.encode_query([row["query"]])[0] for row in rows]
    documents = [model.encode_document([text])[0] for row in rows for text in (row["positive"], row["negatives"][0])]
    expected = torch.stack([torch.stack([maxsim(q[None], d[None])[0, 0] for d in documents]) for q in queries]) / 2.0
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=1e-4)
    contrastive = -torch.stack([expected[i].log_softmax(0)[2 * i] for i in range(3)]).mean()
    target = torch.tensor([3.0, 1.0]).div(2.0).softmax(0)
    divergence = torch.stack([(target * (target.log() - expected[i, 2 * i : 2 * i + 2].log_softmax(0))).sum() for i in range(3)])
    torch.testing.assert_close(loss, contrastive + 0.5 * divergence.mean(), atol=1e-4, rtol=1e-4)


def test_in_batch_loss_is_cross_entropy_of_the_positives():
    scores, ids = torch.randn(3, 6), torch.arange(12).view(6, 2)
    torch.testing.assert_close(in_batch_loss(scores, ids), nn.functional.cross_entropy(scores, torch.tensor([0, 2, 4])))


def test_a_copy_of_the_positive_is_no_negative():
    scores = torch.randn(2, 4, requires_grad=True)
    ids = torch.tensor([[1, 2], [3, 4], [1, 2], [5, 6]])  # both queries have the same positive
    loss = in_batch_loss(scores, ids)
    expected = nn.functional.cross_entropy(scores[0, [0, 1, 3]][None], torch.tensor([0]))
    expected = (expected + nn.functional.cross_entropy(scores[1, [1, 2, 3]][None], torch.tensor([1]))) / 2
    torch.testing.assert_close(loss, expected)
    gradient = torch.autograd.grad(loss, scores)[0]
    assert (gradient[0, 2].item(), gradient[1, 0].item()) == (0.0, 0.0)
    assert torch.isfinite(gradient).all()


def test_kd_loss_against_torch():
    scores, targets = torch.randn(3, 6), torch.randn(3, 2)
    own = torch.stack([scores[i, 2 * i : 2 * i + 2] for i in range(3)])
    expected = nn.functional.kl_div(own.log_softmax(-1), targets.softmax(-1), reduction="batchmean")
    torch.testing.assert_close(kd_loss(scores, targets), expected)
    assert kd_loss(scores, own + 5.0).item() == pytest.approx(0.0, abs=1e-6)


def test_collator_lays_documents_out_by_query(tiny_teacher, triples):
    batch = RetrievalCollator(tiny_teacher.processor, negatives=5)([triples[0], triples[20]])
    assert batch["document"]["input_ids"].shape[0] == 2 * 3
    assert "scores" not in batch
    decode = tiny_teacher.tokenizer.decode
    texts = [decode(ids, skip_special_tokens=True) for ids in batch["document"]["input_ids"]]
    assert texts[0] == triples[0]["positive"]
    assert texts[3] == triples[20]["positive"]
    assert texts[4:] == triples[20]["negatives"]
    fewer = [triples[0] | {"scores": [1.0, 2.0, 3.0]}, triples[1] | {"negatives": ["rain"], "scores": [4.0, 5.0]}]
    batch = RetrievalCollator(tiny_teacher.processor, negatives=5)(fewer)
    assert batch["scores"].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, -torch.inf]]
    assert batch["document"]["scoring_mask"].any(1).tolist() == [True] * 5 + [False]


def test_an_example_without_negatives_takes_none_from_the_others(make_teacher_trainer, triples):
    scored = [triples[i] | {"scores": [3.0, 2.0, 1.0]} for i in (0, 20)]
    alone = triples[10] | {"negatives": [], "scores": [3.0]}
    trainer = make_teacher_trainer(triples, kd_weight=0.5)
    model = trainer.model.eval()

    def loss(examples):
        model.zero_grad()
        value = trainer.compute_loss(model, RetrievalCollator(model.processor, negatives=2)(examples))
        value.backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
        return value.item()

    def by_hand(examples):
        texts = [[e["positive"], *e["negatives"]] for e in examples]
        documents, each = model.encode_document([text for own in texts for text in own]), []
        start = 0
        for e, own in zip(examples, texts, strict=True):
            query = model.encode_query([e["query"]])[0]
            scores = torch.stack([maxsim(query[None], d[None])[0, 0] for d in documents])
            target = torch.tensor(e["scores"]).log_softmax(0)
            kept = scores[start : start + len(own)].log_softmax(0)
            each.append((scores.log_softmax(0)[start], (target.exp() * (target - kept)).sum()))
            start += len(own)
        return -torch.stack([a for a, _ in each]).mean() + 0.5 * torch.stack([b for _, b in each]).mean()

    assert loss([scored[0], alone, scored[1]]) == pytest.approx(by_hand([scored[0], alone, scored[1]]).item(), abs=1e-4)


def test_seeds(make_teacher_trainer, triples):
    results = []
    for seed in (1, 1, 2):
        trainer = make_teacher_trainer(triples, seed=seed)
        trainer.train()
        results.append(trainer.model.fingerprint())
    assert results[0] == results[1] != results[2]


def test_streamed_and_incomplete_examples_are_clear_errors(make_teacher_trainer, triples):
    with pytest.raises(TypeError, match="not IterableDataset: load it without streaming"):
        make_teacher_trainer(triples.to_iterable_dataset())
    with pytest.raises(ValueError, match="no column 'negatives'; its columns are query, positive"):
        make_teacher_trainer(triples.remove_columns("negatives"))


@pytest.mark.parametrize("groups", [2, 3, 5, 50])
def test_documents_in_groups_of_like_length_are_encoded_as_in_one(tiny_teacher, groups):
    texts = ["rain", "the river and the lake", "", "maize seed soil harvest " * 5, "bus, road", "school book", "the rain", "a"]
    batch = tiny_teacher.processor.documents(texts)
    seen = []
    handle = tiny_teacher.register_forward_pre_hook(lambda _, __, inputs: seen.append(inputs["input_ids"].shape), with_kwargs=True)
    try:
        whole, grouped = (encode_in_groups(tiny_teacher, batch, number) for number in (1, groups))
    finally:
        handle.remove()
    torch.testing.assert_close(grouped, whole, atol=1e-5, rtol=1e-5)
    own = seen[1:]
    assert sum(rows for rows, _ in own) == len(texts)
    assert len(own) == min(groups, len(texts))  # whatever the number of rows: devices must agree
    assert [width for _, width in own] == sorted(width for _, width in own)
    assert own[0][1] < seen[0][1] == own[-1][1]


def test_the_loss_and_its_gradients_do_not_depend_on_the_groups(make_teacher_trainer, triples):
    rows = [triples[i] for i in (0, 13, 30, 41)]
    results = []
    for groups in (1, 3):
        trainer = make_teacher_trainer(triples, negatives=2, document_groups=groups, dropout=0.0)
        model = trainer.model.train()
        loss = trainer.compute_loss(model, trainer.data_collator(rows))
        loss.backward()
        results.append((loss.detach(), {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}))
    torch.testing.assert_close(results[1], results[0], atol=1e-5, rtol=1e-4)
