"""The distillation step: the loss is the paper's formula, the teacher stays as it is."""

import copy
import dataclasses
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from hf_optical.losses import DistillationOutput
from hf_optical.training import OpticalTrainer
from hf_optical.transport import exact, sinkhorn


def first_batch(trainer):
    return trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))


def formula(trainer, batch, solve):
    """Mean over pairs of <P*, C>, each pair alone, without padding, from the embeddings of the models."""
    student = trainer.model(**batch["student"])
    with torch.no_grad():
        teacher = trainer.teacher(**batch["teacher"])
    losses = []
    for s, t, keep_s, keep_t in zip(
        student.embeddings, teacher.embeddings, student.scoring_mask.bool(), teacher.scoring_mask.bool(), strict=True
    ):
        cost = 1 - s[keep_s] @ t[keep_t].T
        a, b = torch.full((len(cost),), 1 / len(cost)), torch.full((cost.shape[1],), 1 / cost.shape[1])
        losses.append((solve(cost[None].detach(), a[None], b[None]).plan[0] * cost).sum())
    return torch.stack(losses).mean()


@pytest.mark.parametrize("expand", [True, False])
@pytest.mark.parametrize("solver", ["sinkhorn", "exact"])
def test_compute_loss_is_the_formula(make_trainer, solver, expand):
    trainer = make_trainer(solver=solver, expand=expand, epsilon=0.1)
    trainer.model.eval()
    batch = first_batch(trainer)
    solve = partial(sinkhorn, epsilon=0.1) if solver == "sinkhorn" else exact
    expected = formula(trainer, batch, solve)
    loss = trainer.compute_loss(trainer.model, batch)
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)
    gradients = [torch.autograd.grad(x, trainer.model.linear.weight, retain_graph=True)[0] for x in (loss, expected)]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-3)
    if expand:
        assert batch["student"]["scoring_mask"].shape[1] == trainer.model.config.query_length
        assert bool(batch["student"]["scoring_mask"].all())


def test_teacher_is_frozen_and_in_no_checkpoint(make_trainer):
    trainer = make_trainer(save_strategy="steps", save_steps=2)
    fingerprint = trainer.teacher.fingerprint()
    trainer.train()
    assert trainer.teacher.fingerprint() == fingerprint
    assert not trainer.teacher.training
    assert not any(p.requires_grad or p.grad is not None for p in trainer.teacher.parameters())
    optimised = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    assert optimised.isdisjoint(id(p) for p in trainer.teacher.parameters())
    assert trainer.model.fingerprint() != fingerprint
    checkpoints = sorted(Path(trainer.args.output_dir).glob("checkpoint-*"))
    assert [c.name for c in checkpoints] == ["checkpoint-2", "checkpoint-4"]
    with safe_open(checkpoints[-1] / "model.safetensors", framework="pt") as weights:
        assert set(weights.keys()) == set(trainer.model.state_dict())
    model_bytes = (checkpoints[-1] / "model.safetensors").stat().st_size
    assert (checkpoints[-1] / "optimizer.pt").stat().st_size < 2.5 * model_bytes  # two moments of the student alone


def test_only_the_student_runs_with_a_cache(make_trainer, tmp_path, monkeypatch):
    trainer = make_trainer(teacher_cache=str(tmp_path / "cache"))
    monkeypatch.setattr(type(trainer.teacher), "forward", lambda *a, **k: pytest.fail("the teacher ran"))
    batch = first_batch(trainer)
    assert torch.isfinite(OpticalTrainer.embed_english(trainer, batch["teacher"]).embeddings).all()


def test_statistics_are_logged_as_means(make_trainer):
    trainer = make_trainer(logging_steps=2)
    trainer.train()
    lines = [line for line in trainer.state.log_history if "loss" in line]
    assert len(lines) == 2
    for line in lines:
        assert {"marginal_error", "converged", "plan_width"} <= line.keys()
        assert 0 <= line["converged"] <= 1
        assert line["plan_width"] >= 1
    assert "empty_pairs" not in lines[-1]


@pytest.mark.parametrize("loss", ["greedy", "mse"])
def test_other_losses_learn_too(make_trainer, loss):
    trainer = make_trainer(loss=loss, max_steps=30, logging_steps=5, learning_rate=3e-3)
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses[-1] < 0.8 * losses[0]


def test_a_batch_of_padding_alone_is_an_error(make_trainer, monkeypatch):
    trainer = make_trainer()
    collate = type(trainer.collator).__call__

    def only_padding(self, examples):
        batch = collate(self, examples)
        batch["student"]["scoring_mask"].zero_()
        return batch

    monkeypatch.setattr(type(trainer.collator), "__call__", only_padding)
    with pytest.raises(ValueError, match="every one of the 8 pairs in this batch is only padding"):
        trainer.train()


def test_single_empty_pairs_are_counted(make_trainer, monkeypatch):
    trainer = make_trainer(max_steps=3)
    collate = type(trainer.collator).__call__

    def first_is_padding(self, examples):
        batch = collate(self, examples)
        batch["student"]["scoring_mask"][0] = 0
        return batch

    monkeypatch.setattr(type(trainer.collator), "__call__", first_is_padding)
    trainer.train()
    assert [line["empty_pairs"] for line in trainer.state.log_history if "loss" in line] == [1, 2, 3]


def test_embedding_dim_must_agree(make_arguments, encoder_dir, tiny_teacher, tiny_student, bitext):
    from hf_optical.models import OpticalTeacherModel

    other = OpticalTeacherModel.from_encoder(encoder_dir("bert"), embedding_dim=8, query_length=16, document_length=48)
    with pytest.raises(ValueError, match="student's embedding_dim is 16, the teacher's 8"):
        OpticalTrainer(copy.deepcopy(tiny_student), other, make_arguments(), bitext)


def test_max_length_with_expansion_is_an_error(make_trainer):
    with pytest.raises(ValueError, match="max_length 12 has no effect with expansion"):
        make_trainer(max_length=12)
    assert make_trainer(max_length=12, expand=False).collator.expand is False


def test_streamed_bitext_is_a_clear_error(make_trainer, bitext):
    with pytest.raises(TypeError, match="needs a data set of known length, not IterableDataset: load it without streaming"):
        make_trainer(train=bitext.to_iterable_dataset())


def test_evaluation_needs_something_to_evaluate_on(make_trainer):
    with pytest.raises(ValueError, match="eval_strategy is steps, but there is nothing to evaluate on"):
        make_trainer(eval_strategy="steps", eval_steps=2)


def test_a_statistic_that_some_steps_lack_is_the_mean_of_the_others(make_trainer):
    trainer = make_trainer()
    output = DistillationOutput(
        torch.tensor(0.0), torch.zeros(1), torch.zeros(1, dtype=torch.bool), {"converged": torch.tensor(1.0)}
    )
    ranked = dataclasses.replace(output, statistics=output.statistics | {"ranking": torch.tensor(2.0)})
    trainer.model.train()
    for step in (output, ranked, output, output):
        trainer._record(trainer.model, step)
    trainer.log({"loss": 0.0})
    assert trainer.state.log_history[-1]["ranking"] == 2.0
    assert trainer.state.log_history[-1]["converged"] == 1.0
