"""What both trainers add to `transformers.Trainer`: retrieval metrics, and checkpoints that are whole or not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import Trainer
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

_COMPLETE = "complete"


class LateInteractionTrainer(Trainer):
    """Base of `TeacherTrainer` and `OpticalTrainer`.

    Args:
        retrieval_evaluator: model -> metrics such as `{"recall@10": 0.5}`; called at every evaluation and added as
            `eval_recall@10`, so that `metric_for_best_model="eval_recall@10"` picks the checkpoint that retrieves best.
    """

    # the losses are means over a batch, not yet scaled for gradient accumulation
    loss_is_scaled_for_ga = False

    def __init__(self, *args: Any, retrieval_evaluator: Callable[[Any], dict[str, float]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.retrieval_evaluator = retrieval_evaluator

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

    def prediction_step(
        self, model: nn.Module, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[Tensor, None, None]:
        """Loss on held-out examples."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.compute_loss(model, inputs).detach(), None, None

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        folder = Path(self.args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                (folder / _COMPLETE).touch()
        except Exception as error:
            # safetensors, torch and the file system each have an error of their own for a full disk
            if self.args.should_save:
                shutil.rmtree(folder, ignore_errors=True)
            raise OSError(
                f"checkpoint {folder} could not be written ({error}) and was removed; earlier ones are untouched: make room, "
                "then resume."
            ) from error


def complete_checkpoints(output_dir: str | Path) -> list[Path]:
    """Checkpoints that were written to the end, oldest first; one that a kill cut off is not among them."""
    folders = [f for f in Path(output_dir).glob(f"{PREFIX_CHECKPOINT_DIR}-*") if (f / _COMPLETE).is_file()]
    return sorted(folders, key=lambda folder: int(folder.name.rsplit("-", 1)[1]))


def remove_incomplete_checkpoints(output_dir: str | Path) -> list[Path]:
    """Delete checkpoints that were cut off; returns what was deleted."""
    cut_off = [f for f in Path(output_dir).glob(f"{PREFIX_CHECKPOINT_DIR}-*") if not (f / _COMPLETE).is_file()]
    for folder in cut_off:
        shutil.rmtree(folder)
    return cut_off
