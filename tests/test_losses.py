"""The distillation losses against naive loops; padding, empties, weights and errors are the same for all of them."""

from __future__ import annotations

from functools import partial

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from hf_optical.losses import DistillationLoss, GreedyLoss, OpticalLoss, greedy_alignment, plan_width
from hf_optical.sentence_losses import SentenceMSELoss
from hf_optical.transport import exact, ipot, marginals, sinkhorn

LOSSES = {
    "sinkhorn": OpticalLoss(),
    "sharp": OpticalLoss(partial(sinkhorn, epsilon=0.02, max_iterations=200)),
    "differentiated": OpticalLoss(partial(sinkhorn, differentiate_plan=True)),
    "ipot": OpticalLoss(ipot),
    "exact": OpticalLoss(exact),
    "greedy": GreedyLoss(),
    "mse": SentenceMSELoss(),
}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
sizes = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), min_size=1, max_size=4)
seeds = st.integers(0, 10_000)
garbage = st.sampled_from([float("nan"), float("inf"), 1e30, -7.0])


def make_pairs(sizes, seed=0, dim=16, extra=0, similarity=0.5):
    """Embeddings and masks of so many tokens each, then both sides' weights; `extra` positions of padding."""
    random = torch.Generator().manual_seed(seed)
    longest = max(max(pair) for pair in sizes) + extra
    teacher = torch.randn(len(sizes), longest, dim, generator=random)
    student = similarity * teacher + (1 - similarity) * torch.randn(teacher.shape, generator=random)
    masks = [torch.arange(longest) < torch.tensor(sizes)[:, side, None] for side in (0, 1)]
    weights = [torch.rand(mask.shape, generator=random) + 0.05 for mask in masks]
    return [normalize(student, dim=-1), normalize(teacher, dim=-1), *masks, *weights]


@each_loss
@settings(max_examples=25)
@given(sizes, seeds, st.booleans(), st.integers(0, 3), garbage)
def test_a_padded_batch_equals_its_pairs(loss, sizes, seed, weighted, extra, filling):
    student, teacher, *masks_and_weights = make_pairs(sizes, seed, extra=extra)
    rest = masks_and_weights if weighted else masks_and_weights[:2]
    keep = masks_and_weights[0].unsqueeze(-1), masks_and_weights[1].unsqueeze(-1)
    padded = student.masked_fill(~keep[0], filling).requires_grad_()
    together = loss(padded, teacher.masked_fill(~keep[1], filling), *rest)
    together.loss.backward()
    assert (padded.grad[~keep[0].squeeze(-1)] == 0).all()
    values = []
    for i, (n, m) in enumerate(sizes):
        one = student[i : i + 1, :n].clone().requires_grad_()
        sides = [x[i : i + 1, :size] for x, size in zip(rest, (n, m, n, m), strict=False)]
        alone = loss(one, teacher[i : i + 1, :m], *sides)
        alone.loss.backward()
        torch.testing.assert_close(padded.grad[i, :n] * len(sizes), one.grad[0], atol=1e-6, rtol=0)
        values.append(alone.loss)
    torch.testing.assert_close(together.per_pair, torch.stack(values), atol=1e-6, rtol=0)
    torch.testing.assert_close(together.loss, torch.stack(values).mean(), atol=1e-6, rtol=0)
    assert not together.empty.any()


@each_loss
@settings(max_examples=25)
@given(sizes, seeds, st.sampled_from([0, 1]), garbage)
def test_an_empty_pair_costs_nothing_and_is_counted(loss, sizes, seed, side, filling):
    student, teacher, *masks = make_pairs([*sizes, (3, 3)], seed)[:4]
    masks[side][-1] = False
    (student, teacher)[side][-1] = filling
    student.requires_grad_()
    output = loss(student, teacher, *masks)
    output.loss.backward()
    assert output.empty.tolist() == [False] * len(sizes) + [True]
    assert output.per_pair[-1] == 0
    assert (student.grad[-1] == 0).all()
    assert student.grad.isfinite().all()
    assert all(value.isfinite() for value in output.statistics.values())
    full = loss(student[:-1], teacher[:-1], *(mask[:-1] for mask in masks))
    torch.testing.assert_close(output.loss * (len(sizes) + 1), full.loss * len(sizes), atol=1e-6, rtol=0)


@given(sizes, seeds, st.booleans())
def test_optical_is_pots_optimum(sizes, seed, weighted):
    student, teacher, *rest = make_pairs(sizes, seed)
    output = LOSSES["exact"](student, teacher, *(rest if weighted else rest[:2]))
    for i, (n, m) in enumerate(sizes):
        a, b = (rest[2][i, :n].double(), rest[3][i, :m].double()) if weighted else (torch.ones(n), torch.ones(m))
        cost = 1 - student[i, :n].double() @ teacher[i, :m].double().T
        expected = ot.emd2((a / a.sum()).double().numpy(), (b / b.sum()).double().numpy(), cost.numpy())
        assert output.per_pair[i].item() == pytest.approx(expected, abs=1e-5)


@given(sizes, seeds)
def test_greedy_equals_a_naive_loop(sizes, seed):
    student, teacher, *masks = make_pairs(sizes, seed)[:4]
    similarity = student @ teacher.transpose(1, 2)
    alignment = greedy_alignment(similarity, *masks)
    output = GreedyLoss()(student, teacher, *masks)
    for i, (n, m) in enumerate(sizes):
        order = sorted(np.ndindex(n, m), key=lambda pair, i=i: -similarity[i][pair].item())
        rows, columns, distances = set(), set(), []
        expected = torch.zeros_like(alignment[i])
        for row, column in order:
            if row not in rows and column not in columns:
                rows.add(row)
                columns.add(column)
                expected[row, column] = 1
                distances.append((student[i, row] - teacher[i, column]).square().sum())
        assert torch.equal(alignment[i], expected)
        assert alignment[i].sum() == min(n, m)
        assert alignment[i].sum(0).max() == alignment[i].sum(1).max() == 1
        torch.testing.assert_close(output.per_pair[i], torch.stack(distances).mean(), atol=1e-6, rtol=0)


def test_greedy_takes_the_first_of_equals_and_ignores_the_padding():
    similarity = torch.full((1, 3, 3), 0.5)
    similarity[0, :, 2] = float("nan")
    masks = torch.ones(1, 3, dtype=torch.bool), torch.tensor([[True, True, False]])
    assert greedy_alignment(similarity.requires_grad_(), *masks).tolist() == [[[1, 0, 0], [0, 1, 0], [0, 0, 0]]]


@given(sizes, seeds, st.booleans())
def test_mse_equals_a_naive_loop(sizes, seed, weighted):
    student, teacher, *rest = make_pairs(sizes, seed)
    output = SentenceMSELoss()(student, teacher, *(rest if weighted else rest[:2]))
    for i, (n, m) in enumerate(sizes):
        weights = (rest[2][i, :n], rest[3][i, :m]) if weighted else (None, None)
        means = [np.average(x, axis=0, weights=w) for x, w in zip((student[i, :n], teacher[i, :m]), weights, strict=True)]
        assert output.per_pair[i].item() == pytest.approx(((means[0] - means[1]) ** 2).sum(), abs=1e-5)


@each_loss
@pytest.mark.parametrize("at", [0, 1])
def test_weights_are_honoured(loss, at):
    """All weight on the first token of a side, then the rest of that side does not count: as if it were masked."""
    student, teacher, *rest = make_pairs([(5, 5), (4, 3)])
    masks, weights = rest[:2], [mask.float() for mask in rest[:2]]
    weights[at][:, 1:] = 0
    first = [mask.clone() for mask in masks]
    first[at][:, 1:] = False
    weighted = loss(student, teacher, *masks, *weights).per_pair
    torch.testing.assert_close(weighted, loss(student, teacher, *first).per_pair, atol=1e-6, rtol=0)
    assert not torch.allclose(weighted, loss(student, teacher, *masks).per_pair, atol=1e-3)


@each_loss
def test_one_sides_weights_alone_and_weights_of_zero(loss):
    student, teacher, *masks = make_pairs([(5, 4), (4, 3)])[:4]
    uniform = loss(student, teacher, *masks).per_pair
    for weights in ((torch.full((2, 5), 3.0), None), (None, torch.full((2, 5), 3.0)), (torch.zeros(2, 5), torch.zeros(2, 5))):
        torch.testing.assert_close(loss(student, teacher, *masks, *weights).per_pair, uniform, atol=1e-6, rtol=0)


@each_loss
@settings(max_examples=25)
@given(sizes, seeds)
def test_zero_for_the_same_sentence_and_positive_for_another(loss, sizes, seed):
    """Sharp transport and the others vanish on identical sides; entropy keeps some cost, but less than another sentence's."""
    student, teacher, *masks = make_pairs([(n, n) for n, _ in sizes], seed, similarity=0)[:4]
    same, other = loss(teacher, teacher, *masks).per_pair, loss(student, teacher, *masks).per_pair
    assert (same < other).all()
    if loss not in (LOSSES["sinkhorn"], LOSSES["differentiated"]):
        assert same.abs().max() < 1e-3


@each_loss
def test_half_precision_and_autocast_are_solved_in_full(loss):
    student, teacher, *masks = make_pairs([(5, 4), (2, 3)])[:4]
    expected = loss(student, teacher, *masks)
    for dtype in (torch.bfloat16, torch.float16):
        half = student.to(dtype).requires_grad_()
        output = loss(half, teacher.to(dtype), *masks)
        output.loss.backward()
        assert output.loss.dtype == torch.float32
        assert half.grad.dtype == dtype
        rounded = loss(student.to(dtype).float(), teacher.to(dtype).float(), *masks)
        torch.testing.assert_close(output.per_pair, rounded.per_pair, atol=1e-6, rtol=0)
        with torch.autocast("cpu", dtype=dtype):
            assert torch.equal(loss(student, teacher, *masks).per_pair, expected.per_pair)


@each_loss
def test_the_teacher_is_a_constant_and_the_student_learns(loss):
    student, teacher, *masks = make_pairs([(6, 5), (4, 6)], similarity=0.3)[:4]
    weight = student.clone().requires_grad_()
    teacher.requires_grad_()
    optimizer = torch.optim.Adam([weight], lr=0.05)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        output = loss(normalize(weight, dim=-1), teacher, *masks)
        output.loss.backward()
        optimizer.step()
        values.append(output.loss.item())
    assert values[-1] < 0.7 * values[0]
    assert teacher.grad is None


@each_loss
def test_deterministic(loss):
    pairs = make_pairs([(8, 5), (3, 7), (1, 1)])
    assert torch.equal(loss(*pairs).per_pair, loss(*pairs).per_pair)


@pytest.mark.parametrize("name", ["sinkhorn", "differentiated", "ipot", "exact"])
def test_statistics_are_of_the_filled_pairs_and_hold_no_graph(name):
    student, teacher, *masks = make_pairs([(5, 4), (2, 3), (1, 1)])[:4]
    masks[0][1] = False
    output = LOSSES[name](student.requires_grad_(), teacher, *masks)
    result = LOSSES[name].solver(1 - student @ teacher.transpose(1, 2), *(marginals(mask) for mask in masks))
    filled = torch.tensor([0, 2])
    expected = {
        "marginal_error": result.marginal_error[filled].mean(),
        "converged": result.converged[filled].float().mean(),
        "plan_width": plan_width(result.plan)[filled].mean(),
    }
    assert output.statistics.keys() == expected.keys()
    for key, value in output.statistics.items():
        assert not value.requires_grad
        torch.testing.assert_close(value, expected[key].detach(), atol=1e-6, rtol=0)


def test_plan_width_counts_the_tokens_that_share_a_row():
    plans = torch.stack([torch.eye(4) / 4, torch.full((4, 4), 1 / 16), torch.zeros(4, 4)])
    plans[0, 3] = 0
    torch.testing.assert_close(plan_width(plans), torch.tensor([1.0, 4.0, 0.0]))


@each_loss
def test_a_batch_of_only_padding_is_an_error(loss):
    student, teacher, *masks = make_pairs([(3, 3), (2, 2)])[:4]
    nothing = torch.zeros_like(masks[0])
    for sides in ((nothing, masks[1]), (masks[0], nothing), (nothing, nothing)):
        with pytest.raises(ValueError, match="every one of the 2 pairs in this batch is only padding"):
            loss(student, teacher, *sides)
    with pytest.raises(ValueError, match="only padding"):
        loss(student[:, :0], teacher, masks[0][:, :0], masks[1])


@each_loss
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3, 4), (2, 3, 5), (2, 3), (2, 3)), "embedding_dim"),
        (((2, 3, 4), (1, 3, 4), (2, 3), (1, 3)), "batch size"),
        (((2, 3, 4), (2, 3, 4), (2, 2), (2, 3)), r"student \(2, 3, 4\) and student_mask \(2, 2\)"),
        (((2, 3, 4), (2, 3, 4), (1, 3), (2, 3)), "student_mask"),
        (((2, 3, 4), (2, 3, 4), (2, 3), (2, 4)), "teacher_mask"),
        (((3, 4), (3, 4), (3,), (3,)), "student"),
        (((2, 3, 4), (2, 3, 4), (2, 3), (2, 3), (2, 4)), "weights"),
        (((2, 3, 4), (2, 3, 4), (2, 3), (2, 3), (2, 3), (2, 1)), "weights"),
    ],
)
def test_shapes_that_do_not_fit(loss, shapes, message):
    with pytest.raises(ValueError, match=message):
        loss(*(torch.ones(shape) for shape in shapes))


@each_loss
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_embeddings_and_weights_that_are_not_finite_are_an_error(loss, value):
    student, teacher, *rest = make_pairs([(3, 3), (2, 2)])
    spoilt, weights = student.clone(), rest[2].clone()
    spoilt[1, 0], weights[1, 0] = value, value
    for batch in ((spoilt, teacher, *rest), (teacher, spoilt, *rest)):
        with pytest.raises(ValueError, match=r"\[1\] of the batch of 2.*not finite.*embeddings NaN"):
            loss(*batch)
    with pytest.raises(ValueError, match=r"weights must be finite.*\[1\]"):
        loss(student, teacher, *rest[:2], weights)


def test_a_loss_defines_per_pair():
    with pytest.raises(TypeError, match="DistillationLoss must define per_pair"):
        DistillationLoss()(*make_pairs([(2, 2)])[:4])


@pytest.mark.gpu
@each_loss
def test_the_gpu_gives_what_the_cpu_gives(loss):
    student, teacher, *rest = make_pairs([(i % 25 + 8, i * 7 % 25 + 8) for i in range(64)])
    sides = student.clone().requires_grad_(), student.cuda().requires_grad_()
    expected, output = loss(sides[0], teacher, *rest), loss(sides[1], teacher.cuda(), *(x.cuda() for x in rest))
    expected.loss.backward()
    output.loss.backward()
    torch.testing.assert_close(output.per_pair.detach().cpu(), expected.per_pair.detach(), atol=1e-6, rtol=0)
    torch.testing.assert_close(sides[1].grad.cpu(), sides[0].grad, atol=1e-6, rtol=0)
