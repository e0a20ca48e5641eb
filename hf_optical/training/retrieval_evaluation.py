"""Retrieval on a development collection as part of a Trainer's evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils.data import Dataset


class RetrievalEvaluationMixin:
    """Adds the metrics of `retrieval_evaluator(model)` to `Trainer.evaluate`: the best checkpoint can be picked by recall."""

    retrieval_evaluator: Callable[[Any], dict[str, float]] | None = None

    def evaluate(
        self, eval_dataset: Dataset | None = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Loss on held-out examples, if there are any, and retrieval metrics as `eval_recall@10`."""
        data = self.eval_dataset if eval_dataset is None else eval_dataset
        metrics = super().evaluate(eval_dataset, ignore_keys, metric_key_prefix) if data is not None and len(data) else {}
        if self.retrieval_evaluator is not None:
            model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
            found = {f"{metric_key_prefix}_{name}": value for name, value in self.retrieval_evaluator(model).items()}
            self.log(dict(found))
            if not metrics:  # else the Trainer has told its callbacks already
                self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
            metrics |= found
        return metrics
