"""Variants of the transport loss: epsilon that falls, and InfoNCE over transport costs."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from hf_optical.losses import AnnealedOpticalLoss, ContrastiveOpticalLoss, GreedyLoss, OpticalLoss
from hf_optical.sentence_losses import SentenceAddedLoss, SentenceMSELoss
from hf_optical.training import OpticalTrainingArguments
from hf_optical.transport import sinkhorn


def batch(pairs: int = 5) -> tuple[torch.Tensor, ...]:
    student = nn.functional.normalize(torch.randn(pairs, 4, 8), dim=-1).requires_grad_()
    teacher = nn.functional.normalize(torch.randn(pairs, 6, 8), dim=-1)
    student_mask, teacher_mask = torch.ones(pairs, 4), torch.ones(pairs, 6)
    teacher_mask[1, 4:] = 0
    return student, teacher, student_mask, teacher_mask


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
def test_annealed_is_sinkhorn_at_the_epsilon_of_the_moment(progress):
    data = batch()
    loss = AnnealedOpticalLoss(0.2, 0.02)
    loss.progress = progress
    fixed = OpticalLoss(partial(sinkhorn, epsilon=0.2 ** (1 - progress) * 0.02**progress))
    torch.testing.assert_close(loss(*data).per_pair, fixed(*data).per_pair)


def test_plans_grow_sharper_on_the_way():
    data, loss, widths = batch(), AnnealedOpticalLoss(0.3, 0.005), []
    for loss.progress in (0.0, 0.5, 1.0):
        widths.append(loss(*data).statistics["plan_width"].item())
    assert widths[0] > widths[1] > widths[2]


def test_contrast_is_cross_entropy_over_transport_costs():
    student, teacher, student_mask, teacher_mask = batch()
    transport = OpticalLoss(partial(sinkhorn, epsilon=0.05))
    loss = ContrastiveOpticalLoss(transport, weight=0.7, negatives=2, temperature=0.1)
    found = loss(student, teacher, student_mask, teacher_mask).per_pair
    for i in range(5):
        costs = []
        for j in (i, (i + 1) % 5, (i + 2) % 5):
            one = slice(j, j + 1)
            costs.append(transport(student[i : i + 1], teacher[one], student_mask[i : i + 1], teacher_mask[one]).loss)
        logits = -torch.stack(costs) / 0.1
        expected = costs[0] + 0.7 * nn.functional.cross_entropy(logits[None], torch.tensor([0]))
        torch.testing.assert_close(found[i], expected, atol=1e-5, rtol=1e-5)


def test_an_empty_pair_is_no_negative_and_has_no_loss():
    student, teacher, student_mask, teacher_mask = batch(3)
    loss = ContrastiveOpticalLoss(OpticalLoss(), weight=1.0, negatives=1)
    teacher_mask[1] = 0
    output = loss(student, teacher, student_mask, teacher_mask)
    alone = OpticalLoss()(student, teacher, student_mask, teacher_mask)
    torch.testing.assert_close(output.per_pair[0], alone.per_pair[0])  # its only negative is the empty one
    assert output.per_pair[1] == 0
    output.loss.backward()
    assert torch.isfinite(student.grad).all()
    assert not student.grad[1].any()


def test_a_single_pair_has_no_negatives():
    data = batch(2)
    one = tuple(tensor[:1] for tensor in data)
    loss = ContrastiveOpticalLoss(OpticalLoss(), weight=1.0)
    torch.testing.assert_close(loss(*one).loss, OpticalLoss()(*one).loss)


@pytest.mark.parametrize("tokens", [OpticalLoss(), GreedyLoss(), AnnealedOpticalLoss(0.5, 0.02)])
def test_the_sentence_loss_is_added(tokens):
    data = batch()
    loss = SentenceAddedLoss(tokens, 0.7)
    loss.progress = 0.5
    found = loss(*data)
    assert tokens.progress == 0.5
    expected = tokens(*data).per_pair + 0.7 * SentenceMSELoss()(*data).per_pair
    torch.testing.assert_close(found.per_pair, expected)
    torch.testing.assert_close(found.statistics["sentence"], SentenceMSELoss()(*data).loss.detach())
    (both,) = torch.autograd.grad(found.loss, data[0])
    (apart,) = torch.autograd.grad(expected.mean(), data[0])
    torch.testing.assert_close(both, apart)


def test_arguments_build_the_variants(tmp_path):
    def build(**settings):
        return OpticalTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **settings).build_loss()

    annealed = build(epsilon_start=0.2, epsilon=0.02)
    assert (annealed.start, annealed.end) == (0.2, 0.02)
    contrastive = build(contrastive_weight=0.5, contrastive_negatives=3)
    assert isinstance(contrastive.transport, OpticalLoss)
    assert (contrastive.weight, contrastive.negatives) == (0.5, 3)
    assert build(loss="none", ranking="kl") is None
    added = build(contrastive_weight=0.5, sentence_weight=0.25)
    assert isinstance(added.tokens, ContrastiveOpticalLoss)
    assert added.weight == 0.25
    assert isinstance(build(loss="greedy", sentence_weight=1.0).tokens, GreedyLoss)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "none"}, "loss none needs a ranking loss"),
        ({"solver": "ipot", "epsilon_start": 0.1}, "epsilon_start needs the solver sinkhorn"),
        ({"loss": "mse", "contrastive_weight": 1.0}, "contrastive_weight needs the loss optical"),
        ({"loss": "mse", "sentence_weight": 1.0}, "sentence_weight needs the loss optical or greedy"),
        ({"sentence_weight": -1.0}, "sentence_weight"),
        ({"ranking": "listwise"}, "ranking must be one of none, kl, contrastive"),
        ({"ranking_temperature": 0.0}, "ranking_temperature must be positive"),
    ],
)
def test_arguments_that_do_not_go_together(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        OpticalTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **settings)
