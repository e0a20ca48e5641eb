"""Bitext of made-up sentences and a factory of trainers on tiny models."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

DICTIONARY = {
    **{"the": "ya", "maize": "mahindi", "farm": "shamba", "water": "maji", "market": "soko", "child": "mtoto", "school": "shule"},
    **{"health": "afya", "river": "mto", "seed": "mbegu", "rain": "mvua", "soil": "udongo", "harvest": "mavuno", "price": "bei"},
}


def sentence_pairs(count: int, seed: int = 0, most: int = 10) -> list[dict[str, str]]:
    """Sentences of 2 to `most` words and their word-by-word translations."""
    draw = random.Random(seed)
    chosen = [draw.choices(list(DICTIONARY), k=draw.randint(2, most)) for _ in range(count)]
    return [{"english": " ".join(row), "non_english": " ".join(map(DICTIONARY.get, row))} for row in chosen]


@pytest.fixture(scope="session")
def bitext():
    """40 pairs that fit into the tiny models' 16 tokens."""
    from datasets import Dataset

    return Dataset.from_list(sentence_pairs(40))


@pytest.fixture
def make_arguments(tmp_path) -> Callable[..., Any]:
    """`make_arguments(**changes)`: OpticalTrainingArguments for a few steps on the CPU, quiet."""
    from hf_optical.training import OpticalTrainingArguments

    def make(**changes: Any) -> OpticalTrainingArguments:
        settings = {
            "output_dir": str(tmp_path / "run"),
            "use_cpu": True,
            "disable_tqdm": True,
            "max_steps": 4,
            "per_device_train_batch_size": 8,
            "learning_rate": 1e-3,
            "logging_steps": 1,
            "save_strategy": "no",
            "seed": 7,
        }
        return OpticalTrainingArguments(**settings | changes)

    return make


@pytest.fixture
def make_trainer(make_arguments, tiny_teacher, tiny_student, bitext) -> Callable[..., Any]:
    """`make_trainer(train=, held_out=, evaluator=, **arguments)`: OpticalTrainer on copies of the tiny models."""
    from transformers import set_seed

    from hf_optical.training import OpticalTrainer

    def make(train: Any = None, held_out: Any = None, evaluator: Any = None, **arguments: Any) -> OpticalTrainer:
        args = make_arguments(**arguments)
        set_seed(args.seed)
        student, teacher = copy.deepcopy(tiny_student), copy.deepcopy(tiny_teacher)
        data = bitext if train is None else train
        return OpticalTrainer(student, teacher, args, data, held_out, retrieval_evaluator=evaluator)

    return make
