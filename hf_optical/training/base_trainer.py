"""What both trainers add to `transformers.Trainer`: retrieval metrics, and checkpoints that are whole or not there."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import Dataset, RandomSampler, Sampler
from transformers import Trainer, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, EvalLoopOutput, rotate_checkpoints

from ..hub.plan import Push
from ..hub.trainer import push_checkpoint, push_trained, write_card
from ..models.loading_optical import without_progress_bars

_COMPLETE = "complete"
_STATE = "trainer_state.json"
# Some layers hand dropout to a function as a number.
_DROPOUTS = ("dropout", "attention_dropout", "activation_dropout")


class LateInteractionTrainer(Trainer):
    """Base of `TeacherTrainer` and `OpticalTrainer`.

    Args:
        retrieval_evaluator: model -> metrics such as `{"recall@10": 0.5}`; called at every evaluation and added as
            `eval_recall@10`, so that `metric_for_best_model="eval_recall@10"` picks the checkpoint that retrieves best.
    """

    # the losses are means over a batch, not yet scaled for gradient accumulation
    loss_is_scaled_for_ga = False

    def __init__(self, *, retrieval_evaluator: Callable[[Any], dict[str, float]] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # the translator's trainer has transformers' own arguments
        if (dropout := getattr(self.args, "dropout", None)) is not None:
            set_dropout(self.model, dropout)
        self.retrieval_evaluator = retrieval_evaluator

    def evaluate(
        self, eval_dataset: Dataset | None = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Loss on held-out examples, if there are any, and retrieval metrics as `eval_recall@10`."""
        data = self.eval_dataset if eval_dataset is None else eval_dataset
        if len(data):
            return super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)
        metrics = self._retrieval_metrics(metric_key_prefix)
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """As the Trainer's; callbacks and the choice of the best checkpoint see loss and retrieval metrics together."""
        output = super().evaluation_loop(*args, **kwargs)
        output.metrics.update(self._retrieval_metrics(kwargs.get("metric_key_prefix", "eval")))
        return output

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """The card that `optical push` writes."""
        if self.is_world_process_zero():
            write_card(self)

    def push_to_hub(
        self,
        commit_message: str = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        **kwargs: Any,
    ) -> Push | None:
        """Save the model and push what `optical push` would: no optimizer states, no training arguments with paths in them."""
        if self.hub_model_id is None:
            self.init_hf_repo(token=token, private=private)
        self.save_model(_internal_call=True)
        if not self.is_world_process_zero():
            return None
        self.create_model_card()
        return push_trained(self, message=commit_message, token=token, revision=revision, private=private)

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        push_checkpoint(self, checkpoint_folder)

    def _retrieval_metrics(self, prefix: str) -> dict[str, float]:
        if self.retrieval_evaluator is None:
            return {}
        model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
        return {f"{prefix}_{name}": value for name, value in self.retrieval_evaluator(model).items()}

    def prediction_step(
        self, model: nn.Module, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[Tensor, None, None]:
        """Loss on held-out examples."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.compute_loss(model, inputs).detach(), None, None

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        try:
            return super()._determine_best_metric(metrics, trial)
        except KeyError:
            known = ", ".join(name for name in metrics if name.startswith("eval_")) or "none"
            raise ValueError(
                f"metric_for_best_model {self.args.metric_for_best_model!r} is not measured; measured are: {known}."
            ) from None

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler | None:
        sampler = super()._get_train_sampler(train_dataset)
        if isinstance(sampler, LengthGroupedSampler | RandomSampler):
            return _EpochSampler(sampler, self._epoch_seed)
        return sampler

    def _epoch_seed(self) -> int:
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return seed + int(self.state.epoch or 0)

    def _save(self, *args: Any, **kwargs: Any) -> None:
        with without_progress_bars():
            super()._save(*args, **kwargs)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        run_dir = Path(self._get_output_dir(trial))
        folder = run_dir / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        # older checkpoints go when this one is known to be whole, not before
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                (folder / _COMPLETE).touch()
        except BaseException as error:
            if self.args.should_save:
                shutil.rmtree(folder, ignore_errors=True)
            # safetensors, torch and the file system each have an error of their own for a full disk
            if not isinstance(error, Exception):
                raise
            raise OSError(
                f"checkpoint {folder} could not be written ({_first_line(error)}) and was removed; earlier ones are untouched: "
                "make room, then resume."
            ) from error
        finally:
            self.args.save_total_limit = limit
        if self.args.should_save:
            rotate_checkpoints(
                output_dir=str(run_dir),
                save_total_limit=limit,
                best_model_checkpoint=self.state.best_model_checkpoint,
                use_mtime=True,
            )

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        with _readable(resume_from_checkpoint):
            TrainerState.load_from_json(str(Path(resume_from_checkpoint) / _STATE))
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with _readable(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with _readable(checkpoint):
            super()._load_rng_state(checkpoint)


def set_dropout(model: nn.Module, probability: float) -> None:
    """Dropout of every layer that can have some; the configuration, and so what is saved, stays as it is.

    Raises:
        ValueError: there is to be some, and no layer of the model can have it.

    Example:
        >>> layers = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
        >>> set_dropout(layers, 0.0)
        >>> layers[1]
        Dropout(p=0.0, inplace=False)
    """
    found = False
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p, found = probability, True
        for name in _DROPOUTS:
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, probability)
                found = True
    if probability and not found:
        raise ValueError(f"dropout is {probability}, and no layer of {type(model).__name__} can have any.")


def check_evaluation(args: TrainingArguments, eval_dataset: Dataset | None, retrieval_evaluator: object) -> None:
    """Raise ValueError if evaluation is asked for, but there is nothing to evaluate on."""
    if args.eval_strategy != "no" and eval_dataset is None and retrieval_evaluator is None:
        raise ValueError(
            f"eval_strategy is {args.eval_strategy.value}, but there is nothing to evaluate on: give a development collection "
            "(--development) or held-out examples, or eval_strategy no."
        )


class _EpochSampler(Sampler):
    """The order of another sampler, decided by seed and epoch alone.

    transformers' samplers draw from generators that go on from epoch to epoch, so that a run resumed in its second epoch would
    see another order than the run that was never interrupted.
    """

    def __init__(self, sampler: LengthGroupedSampler | RandomSampler, seed: Callable[[], int]) -> None:
        self.sampler = sampler
        self.seed = seed

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        self.sampler.generator = torch.Generator().manual_seed(self.seed())
        return iter(self.sampler)


@contextmanager
def _readable(checkpoint: str | None) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, KeyError, OSError, EOFError) as error:
        raise ValueError(
            f"checkpoint {checkpoint} is damaged or of another model ({_first_line(error)}): delete that folder to resume from the "
            "one before, or start again with --overwrite."
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def complete_checkpoints(output_dir: str | Path) -> list[Path]:
    """Checkpoints that were written to the end, oldest first; one that a kill cut off is not among them."""
    folders = [f for f in _checkpoints(output_dir) if (f / _COMPLETE).is_file()]
    return sorted(folders, key=lambda folder: int(folder.name.rsplit("-", 1)[1]))


def remove_incomplete_checkpoints(output_dir: str | Path) -> list[Path]:
    """Delete checkpoints that were cut off; returns what was deleted."""
    cut_off = [f for f in _checkpoints(output_dir) if not (f / _COMPLETE).is_file()]
    for folder in cut_off:
        shutil.rmtree(folder)
    return cut_off


def _checkpoints(output_dir: str | Path) -> list[Path]:
    """`checkpoint-STEP` folders; others of like name (`checkpoint-best`) are a person's own."""
    return [f for f in Path(output_dir).glob(f"{PREFIX_CHECKPOINT_DIR}-*") if f.is_dir() and f.name.rsplit("-", 1)[1].isdecimal()]
