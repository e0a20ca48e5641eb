"""Training arguments: defaults that suit the trainers, and wrong values told by name."""

import pytest
import torch
from transformers import TrainingArguments

from hf_optical.losses import GreedyLoss, OpticalLoss
from hf_optical.sentence_losses import SentenceMSELoss
from hf_optical.training import OpticalTrainingArguments, TeacherTrainingArguments


def optical(**settings):
    return OpticalTrainingArguments(output_dir="unused", use_cpu=True, **settings)


@pytest.mark.parametrize(("loss", "kind"), [("optical", OpticalLoss), ("greedy", GreedyLoss), ("mse", SentenceMSELoss)])
def test_loss_by_name(loss, kind):
    assert type(optical(loss=loss).build_loss()) is kind


@pytest.mark.parametrize(
    ("settings", "solver", "options"),
    [
        (
            {"epsilon": 0.2, "max_iterations": 7},
            "sinkhorn",
            {"epsilon": 0.2, "tolerance": 1e-3, "differentiate_plan": False, "max_iterations": 7},
        ),
        ({"solver": "ipot", "beta": 0.1}, "ipot", {"beta": 0.1}),
    ],
)
def test_solver_gets_its_options(settings, solver, options):
    bound = optical(**settings).build_loss().solver
    assert bound.func.__name__ == solver
    assert bound.keywords == options


def test_exact_solver():
    assert optical(solver="exact").build_loss().solver.__name__ == "exact"


def test_defaults():
    args = optical()
    assert (args.train_sampling_strategy, args.remove_unused_columns, args.save_total_limit) == ("group_by_length", False, 2)
    assert (args.expand, args.max_length, args.teacher_cache) == (None, None, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "optimal"}, "loss must be one of optical, greedy, mse, none, got 'optimal'"),
        ({"solver": "emd"}, "solver must be one of sinkhorn, ipot, exact"),
        ({"marginals": "tf"}, "marginals must be one of uniform, idf"),
        ({"too_long": "cut"}, "too_long must be one of drop, truncate"),
        ({"epsilon": 0.0}, "epsilon must be positive, got 0.0"),
        ({"epsilon": float("nan")}, "epsilon must be positive, got nan"),
        ({"beta": -1.0}, "beta must be positive, got -1.0"),
        ({"tolerance": -1e-3}, "tolerance must not be negative"),
        ({"max_iterations": 0}, "max_iterations must be positive, got 0"),
        ({"max_length": 0}, "max_length must be positive, got 0"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size must be positive, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must not be negative"),
        ({"remove_unused_columns": True}, "remove_unused_columns must be false"),
    ],
)
def test_wrong_values_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        optical(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"negatives": -1}, "negatives must not be negative, got -1"),
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"kd_weight": float("nan")}, "kd_weight must not be negative, got nan"),
        ({"document_groups": 0}, "document_groups must be positive, got 0"),
        ({"dropout": -0.1}, "dropout must not be negative, got -0.1"),
        ({"dropout": 1.0}, "dropout must be below 1, got 1.0"),
    ],
)
def test_wrong_values_of_the_teacher(settings, message):
    with pytest.raises(ValueError, match=message):
        TeacherTrainingArguments(output_dir="unused", use_cpu=True, **settings)


@pytest.mark.parametrize("kind", [OpticalTrainingArguments, TeacherTrainingArguments])
def test_bfloat16_needs_no_word_that_the_cpu_is_meant(kind, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert kind(output_dir="unused", bf16=True).use_cpu
    assert not kind(output_dir="unused").use_cpu
    # with an accelerator it is left to transformers, which looks for it itself
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(TrainingArguments, "__post_init__", lambda self: None)
    assert not kind(output_dir="unused", bf16=True, warmup_steps=0).use_cpu
