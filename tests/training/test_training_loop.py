"""What the Trainer makes of our losses: accumulation, precision, evaluation, choice of the best checkpoint, seeds, batches."""

import json
from pathlib import Path

import pytest
import torch
from transformers import EarlyStoppingCallback

from hf_optical.training.base_trainer import set_dropout


def weights(trainer):
    return {name: weight.clone() for name, weight in trainer.model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def without_dropout(trainer):
    for module in trainer.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return trainer


def test_dropout_that_a_layer_has_as_a_number():
    layer = torch.nn.Linear(2, 2)
    layer.attention_dropout, layer.dropout = 0.1, 0.2  # as ModernBERT and XLM have it
    set_dropout(torch.nn.Sequential(layer), 0.0)
    assert (layer.attention_dropout, layer.dropout) == (0.0, 0.0)


def test_dropout_that_no_layer_can_have():
    set_dropout(torch.nn.Linear(2, 2), 0.0)
    with pytest.raises(ValueError, match=r"dropout is 0\.1, and no layer of Linear can have any"):
        set_dropout(torch.nn.Linear(2, 2), 0.1)


@pytest.mark.parametrize("dropout", [None, 0.0, 0.3])
def test_dropout_in_training_is_that_of_the_arguments(make_trainer, tmp_path, dropout):
    trainer = make_trainer(dropout=dropout, max_steps=1)
    own = trainer.model.backbone.config.hidden_dropout_prob
    found = {module.p for module in trainer.model.modules() if isinstance(module, torch.nn.Dropout)}
    assert found == {own if dropout is None else dropout}
    batch = {name: value[:2] for name, value in next(iter(trainer.get_train_dataloader()))["student"].items()}
    model = trainer.model.train()
    first, second = (model(**batch).embeddings for _ in range(2))
    assert torch.equal(first, second) == (not (own if dropout is None else dropout))
    model.save_pretrained(tmp_path / "saved")
    assert type(model).from_pretrained(tmp_path / "saved").backbone.config.hidden_dropout_prob == own


def test_accumulated_batches_equal_the_bigger_batch(make_trainer):
    settings = {"train_sampling_strategy": "sequential", "max_steps": 3, "learning_rate": 1e-2}
    big = without_dropout(make_trainer(per_device_train_batch_size=8, **settings))
    small = without_dropout(make_trainer(per_device_train_batch_size=2, gradient_accumulation_steps=4, **settings))
    start = weights(big)
    for trainer in (big, small):
        trainer.train()
    losses = [[line["loss"] for line in t.state.log_history if "loss" in line] for t in (big, small)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    assert not same(start, weights(big))
    for name, weight in weights(big).items():
        torch.testing.assert_close(small.model.state_dict()[name], weight, atol=2e-3, rtol=1e-3)


def test_bfloat16_on_the_cpu(make_trainer):
    plain, half = (without_dropout(make_trainer(bf16=bf16, max_steps=6)) for bf16 in (False, True))
    for trainer in (plain, half):
        trainer.train()
    losses = [[line["loss"] for line in t.state.log_history if "loss" in line] for t in (plain, half)]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[1] != losses[0]
    assert half.model.linear.weight.dtype == torch.float32
    assert all(torch.isfinite(weight).all() for weight in weights(half).values())


def test_same_seed_same_student_other_seed_another(make_trainer):
    students = []
    for seed in (7, 7, 8):
        trainer = make_trainer(seed=seed)
        trainer.train()
        students.append(weights(trainer))
    assert same(students[0], students[1])
    assert not same(students[0], students[2])


def test_batches_are_of_like_length(make_trainer, tiny_student):
    from datasets import Dataset

    data = Dataset.from_list([{"english": "rain " * n, "non_english": "mvua " * n} for n in range(1, 12)] * 40)
    spread = {}
    for strategy in ("group_by_length", "random"):
        trainer = make_trainer(train=data, train_sampling_strategy=strategy, expand=False)
        widths = [b["student"]["attention_mask"].sum(1) for b in trainer.get_train_dataloader()]
        assert sum(map(len, widths)) == 440
        spread[strategy] = sum((w.max() - w.min()).item() for w in widths) / len(widths)
    assert spread["group_by_length"] < 0.3 * spread["random"]


@pytest.mark.parametrize("strategy", ["group_by_length", "random"])
def test_epochs_have_orders_of_their_own(make_trainer, strategy):
    trainer = make_trainer(train_sampling_strategy=strategy)
    sampler = trainer._get_train_sampler()
    orders = []
    for epoch in (0.0, 0.4, 1.0):
        trainer.state.epoch = epoch
        orders.append(list(sampler))
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[2]) == list(range(40))


def test_eval_loss_and_recall_appear(make_trainer, bitext):
    seen = []

    def evaluator(model):
        seen.append(model)
        return {"recall@10": 0.25, "recall@1": 0.125}

    trainer = make_trainer(held_out=bitext.select(range(10)), evaluator=evaluator, eval_strategy="steps", eval_steps=2)
    trainer.train()
    lines = [line for line in trainer.state.log_history if "eval_loss" in line]
    assert [line["step"] for line in lines] == [2, 4]
    assert all(line["eval_recall@10"] == 0.25 and line["eval_recall@1"] == 0.125 for line in lines)
    assert all(model is trainer.model for model in seen)
    assert len(seen) == 2
    metrics = trainer.evaluate()
    expected = torch.stack(
        [trainer.compute_loss(trainer.model, batch) * len(batch["student"]["input_ids"]) for batch in trainer.get_eval_dataloader()]
    )
    assert metrics["eval_loss"] == pytest.approx(expected.sum().item() / 10, rel=1e-3)


def test_recall_without_held_out_pairs(make_trainer):
    trainer = make_trainer(evaluator=lambda model: {"recall@10": 0.5}, eval_strategy="steps", eval_steps=4)
    trainer.train()
    (line,) = [line for line in trainer.state.log_history if "eval_recall@10" in line]
    assert "eval_loss" not in line
    assert line["step"] == 4


@pytest.mark.parametrize("with_loss", [True, False])
def test_best_checkpoint_is_chosen_by_recall(make_trainer, bitext, with_loss):
    snapshots, recalls = [], iter([0.2, 0.9, 0.4, 0.1])
    holder = {}

    def evaluator(model):
        snapshots.append(weights(holder["trainer"]))
        return {"recall@10": next(recalls)}

    trainer = holder["trainer"] = make_trainer(
        held_out=bitext.select(range(4)) if with_loss else None,
        evaluator=evaluator,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_recall@10",
        greater_is_better=True,
    )
    trainer.train()
    assert Path(trainer.state.best_model_checkpoint).name == "checkpoint-2"
    assert trainer.state.best_metric == 0.9
    assert same(snapshots[1], weights(trainer))
    assert not same(snapshots[3], weights(trainer))
    kept = [folder.name for folder in Path(trainer.args.output_dir).glob("checkpoint-*")]
    assert kept == ["checkpoint-2"]


@pytest.mark.parametrize("with_loss", [True, False])
def test_early_stopping_sees_recall(make_trainer, bitext, with_loss):
    trainer = make_trainer(
        held_out=bitext.select(range(4)) if with_loss else None,
        evaluator=lambda model: {"recall@10": 0.5},
        max_steps=30,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_recall@10",
        greater_is_better=True,
    )
    trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=2))
    trainer.train()
    assert trainer.state.global_step == 3


def test_best_metric_that_nobody_measures(make_trainer):
    trainer = make_trainer(
        evaluator=lambda model: {"recall@10": 0.5},
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="steps",
        save_steps=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_recall@5",
    )
    with pytest.raises(ValueError, match="metric_for_best_model 'eval_recall@5' is not measured; measured are: eval_recall@10"):
        trainer.train()


def test_log_is_plain_json(make_trainer, bitext):
    trainer = make_trainer(held_out=bitext.select(range(4)), eval_strategy="steps", eval_steps=2)
    trainer.train()
    assert json.loads(json.dumps(trainer.state.log_history, allow_nan=False)) == trainer.state.log_history
