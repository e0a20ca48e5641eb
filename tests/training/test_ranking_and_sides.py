"""Training on passages, and of the document side."""

from __future__ import annotations

import copy

import pytest
import torch
from datasets import Dataset

from hf_optical.losses import OpticalLoss
from hf_optical.models import OpticalStudentModel, maxsim
from hf_optical.training import OpticalTrainer
from hf_optical.training.embedding_cache import EmbeddingCache

PASSAGES = ["Maize is dried, then stored.", "water of the river", "", "the price of seed at the market", "rain and soil"]


@pytest.fixture
def passages(tiny_teacher, tmp_path):
    processor = tiny_teacher.processor
    ids = processor.token_ids(PASSAGES, processor.document_marker, tiny_teacher.config.document_length)
    return EmbeddingCache.build(tmp_path / "passages", tiny_teacher, ids, side="document")


@pytest.fixture
def make(tiny_teacher, tiny_student, bitext, make_arguments):
    def trainer(student=None, data=None, passages=None, **settings):
        student = student or copy.deepcopy(tiny_student)
        return OpticalTrainer(
            student, copy.deepcopy(tiny_teacher), make_arguments(**settings), bitext if data is None else data, passages=passages
        )

    return trainer


def with_documents(bitext, documents):
    return bitext.add_column("documents", [documents(i) for i in range(len(bitext))])


def test_cached_passages_are_what_encode_document_returns(passages, tiny_teacher):
    for cached, expected in zip(map(passages.__getitem__, range(5)), tiny_teacher.encode_document(PASSAGES), strict=True):
        torch.testing.assert_close(cached.float(), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("expand", [False, True])
def test_a_mixed_batch_has_the_passages_of_those_that_have_some(make, bitext, passages, expand):
    data = with_documents(bitext, lambda i: [i % 5, (i + 2) % 5, 4] if i % 3 else [])
    trainer = make(data=data, passages=passages, ranking="kl", expand=expand)
    examples = [trainer.train_dataset[i] for i in range(6)]
    batch = trainer.collator(examples)["documents"]
    assert batch["rows"].tolist() == [1, 2, 4, 5]
    assert batch["ids"].tolist() == [[1, 3, 4], [2, 4, 4], [4, 1, 4], [0, 2, 4]]
    for r, row in enumerate(batch["ids"].tolist()):
        for k, passage in enumerate(row):
            kept = batch["embeddings"][r, k][batch["mask"][r, k]]
            torch.testing.assert_close(kept, passages[passage].float())


@pytest.mark.parametrize("ranking", ["kl", "contrastive"])
def test_an_example_with_few_passages_takes_none_from_the_others(make, bitext, passages, ranking):
    data = with_documents(bitext, lambda i: ([0], [1, 3, 4], [4, 0])[i % 3])
    trainer = make(data=data, passages=passages, ranking=ranking, loss="none", expand=False, ranking_temperature=0.1)
    examples = [trainer.train_dataset[i] for i in range(3)]
    batch = trainer.collator(examples)
    assert batch["documents"]["ids"].tolist() == [[0, -1, -1], [1, 3, 4], [4, 0, -1]]
    assert batch["documents"]["mask"].any(-1).tolist() == [[True, False, False], [True] * 3, [True, True, False]]
    loss = trainer.compute_loss(trainer.model.eval(), batch)
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in trainer.model.parameters() if p.grad is not None)
    queries, own = trainer.model(**batch["student"]), [[0], [1, 3, 4], [4, 0]]
    teachers = trainer.teacher(**batch["teacher"])

    def scores(output, i, rows):
        query = output.embeddings[i][output.scoring_mask[i].bool()]
        return torch.stack([maxsim(query[None], passages[row].float()[None])[0, 0] / len(query) for row in rows]) / 0.1

    each = []
    for i, rows in enumerate(own):
        if ranking == "kl":
            target, found = scores(teachers, i, rows).log_softmax(0), scores(queries, i, rows).log_softmax(0)
            each.append((target.exp() * (target - found)).sum())
        else:  # another query's copy of the relevant passage is no negative
            others = [row for other in own for row in other if row != rows[0]]
            each.append(-scores(queries, i, [rows[0], *others]).log_softmax(0)[0])
    torch.testing.assert_close(loss, torch.stack(each).mean(), atol=2e-3, rtol=1e-3)


def test_the_teachers_ranking_is_the_target(make, bitext, passages, tiny_teacher):
    data = with_documents(bitext, lambda i: [0, 1, 3, 4])
    trainer = make(data=data, passages=passages, ranking="kl", loss="none", ranking_temperature=0.1, expand=False)
    batch = trainer.collator([trainer.train_dataset[i] for i in range(4)])
    loss = trainer.compute_loss(trainer.model.eval(), batch)

    def scores(model, inputs):
        output = model(**inputs)
        documents = torch.nn.utils.rnn.pad_sequence([passages[i].float() for i in (0, 1, 3, 4)], batch_first=True)
        mask = documents.abs().sum(-1) > 0
        each = maxsim(output.embeddings, documents, output.scoring_mask, mask)
        return each / output.scoring_mask.sum(-1, keepdim=True) / 0.1

    target = scores(tiny_teacher, batch["teacher"]).softmax(-1)
    own = scores(trainer.model, batch["student"]).log_softmax(-1)
    expected = (target * (target.log() - own)).sum(-1).mean()
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-3)


def test_contrastive_ranking_learns_the_relevant_passage(make, passages):
    rows = {"maji": 1, "mbegu bei soko": 3, "mvua udongo": 4, "mahindi": 0}
    data = Dataset.from_dict(
        {
            "english": ["water"] * 4,  # plays no part
            "non_english": list(rows),
            "documents": [[row, (row + 1) % 5] for row in rows.values()],
        }
    )
    trainer = make(data=data, passages=passages, ranking="contrastive", loss="none", max_steps=40, learning_rate=3e-3)
    assert not trainer.needs_teacher
    trainer.train()
    documents = [passages[i].float() for i in range(5)]
    for text, row in rows.items():
        query = trainer.model.encode_query([text])[0]
        found = [maxsim(query[None], d[None])[0, 0].item() if len(d) else 0.0 for d in documents]
        assert found.index(max(found)) == row


def test_ranking_is_added_to_transport(make, bitext, passages):
    data = with_documents(bitext, lambda i: [0, 1] if i % 2 else [])
    both = make(data=data, passages=passages, ranking="kl", ranking_weight=2.0)
    alone = make()
    examples = [both.train_dataset[i] for i in range(4)]
    together = both.compute_loss(both.model.eval(), both.collator(examples))
    transport = alone.compute_loss(alone.model.eval(), alone.collator(examples))
    both.args.ranking_weight = 0.0
    torch.testing.assert_close(both.compute_loss(both.model, both.collator(examples)), transport)
    assert together > transport
    assert isinstance(both.loss, OpticalLoss)


def test_ranking_without_passages_is_refused(make):
    with pytest.raises(ValueError, match="ranking kl needs passages, and a column `documents`"):
        make(ranking="kl")


@pytest.mark.parametrize("side", ["document", "both"])
@pytest.mark.parametrize("cached", [False, True])
def test_the_document_side_is_distilled(make, tiny_teacher, side, cached, tmp_path):
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"], side=side)
    settings = {"teacher_cache": str(tmp_path / "cache")} if cached else {}
    trainer = make(student, max_steps=60, learning_rate=3e-3, solver="exact", per_device_train_batch_size=16, **settings)
    forms = trainer.train_dataset["form"][:]
    assert set(forms) == ({"document"} if side == "document" else {"query", "document"})

    def distance():
        english, swahili = ["maize and water", "the market of seed"], ["mahindi na maji", "soko ya mbegu"]
        mine = student.encode_document(swahili)
        theirs = tiny_teacher.encode_document(english)
        return sum(1.0 - maxsim(m[None], t[None]).item() / len(m) for m, t in zip(mine, theirs, strict=True))

    before = distance()
    trainer.train()
    assert distance() < 0.7 * before


def test_both_forms_in_one_batch_are_those_alone(make, tiny_teacher, tmp_path):
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"], side="both", do_query_expansion=True)
    trainer = make(student, expand=True, teacher_cache=str(tmp_path / "cache"))
    examples = [trainer.train_dataset[i] for i in range(6)]
    cached = next(iter(trainer.get_train_dataloader()))
    assert cached["teacher"]["embeddings"].shape[:2] == cached["teacher"]["input_ids"].shape
    trainer.model.eval()
    mixed = trainer.compute_loss(trainer.model, trainer.collator(examples))
    apart = [trainer.compute_loss(trainer.model, trainer.collator([e])) for e in examples]
    torch.testing.assert_close(mixed, torch.stack(apart).mean(), atol=1e-5, rtol=1e-5)


def test_a_student_of_documents_leaves_queries_to_its_teacher(tiny_teacher):
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"], side="document")
    assert torch.equal(student.encode_query(["maize"])[0], tiny_teacher.encode_query(["maize"])[0])
    student._teacher = ()
    with pytest.raises(ValueError, match="a student encodes documents; queries are its teacher's"):
        student.encode_query(["maize"])
    assert len(student.encode_document(["mahindi"])[0])


def test_an_unknown_side_is_refused(tiny_teacher):
    with pytest.raises(ValueError, match="side must be query, document or both, got 'queries'"):
        OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"], side="queries")
