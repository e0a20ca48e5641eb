"""`Trainer(push_to_hub=True)`: what is pushed while training and after it is what `optical push` sends, card included."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from transformers.trainer_utils import HubStrategy

from ..data.files import atomic_write
from .model_card import ModelFacts
from .models import CARD, ModelPush
from .plan import Push
from .sections import choose_card
from .training_record import FILE, save_training_record, training_record
from .uploading import push

if TYPE_CHECKING:
    from transformers import Trainer

logger = logging.getLogger(__name__)


def write_card(trainer: Trainer, folder: str | Path | None = None) -> Path:
    """The card of what the trainer has saved, written into the folder (default: `output_dir`); edits in it are kept."""
    place = Path(folder or trainer.args.output_dir)
    builder = _builder(trainer, place)
    _, rendered, _ = builder.rendered(builder.facts, builder.repo)
    path = place / CARD
    card = choose_card(path.read_text(encoding="utf-8") if path.is_file() else None, None, rendered)
    with atomic_write(path) as file:
        file.write(card.encode())
    return path


def push_trained(
    trainer: Trainer,
    folder: str | Path | None = None,
    *,
    message: str = "End of training",
    token: str | None = None,
    revision: str | None = None,
    private: bool | None = None,
) -> Push:
    """Push what the trainer has saved: the files that `optical push` sends, in one commit."""
    place, args = Path(folder or trainer.args.output_dir), trainer.args
    builder = _builder(trainer, place)
    return push(
        builder,
        builder.repo,
        "model",
        private=bool(args.hub_private_repo if private is None else private),
        revision=revision or args.hub_revision,
        token=token or args.hub_token,
        message=message,
    )


def push_checkpoint(trainer: Trainer, checkpoint: str | Path) -> Push | None:
    """Push the model of a checkpoint, never optimizer states, while the training goes on; a failure is told, no more."""
    if not trainer.is_world_process_zero() or trainer.args.hub_strategy == HubStrategy.END:
        return None
    try:
        return push_trained(trainer, checkpoint, message=f"Training in progress, step {trainer.state.global_step}")
    except (ValueError, OSError) as error:  # HubError, and a file that cannot be read
        logger.warning("checkpoint %s was not pushed: %s", Path(checkpoint).name, error)
        return None


def record_of(trainer: Trainer) -> dict:
    """The training record of a trainer as it stands; a recipe knows more and saves its own."""
    model = trainer.accelerator.unwrap_model(trainer.model, keep_torch_compile=False)
    last = trainer.state.log_history[-1] if trainer.state.log_history else {}
    outcome = {key: last[key] for key in ("train_runtime", "train_loss") if key in last} | {"epoch": trainer.state.epoch}
    return training_record(
        trainer.args,
        pairs=len(trainer.train_dataset),
        steps=trainer.state.global_step,
        outcome=outcome,
        fingerprint=model.fingerprint(),
    )


def _builder(trainer: Trainer, folder: Path) -> ModelPush:
    model = trainer.accelerator.unwrap_model(trainer.model, keep_torch_compile=False)
    kind = model.config.model_type.removeprefix("optical_")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    facts = ModelFacts(kind, config, model.fingerprint(), sum(p.numel() for p in model.parameters()))
    record = folder / FILE
    if not record.is_file() or json.loads(record.read_text(encoding="utf-8")).get("fingerprint") != facts.fingerprint:
        save_training_record(folder, record_of(trainer))  # a recipe that knows more has saved its own
    repo = trainer.hub_model_id or trainer.args.hub_model_id or Path(trainer.args.output_dir).resolve().name
    return ModelPush(folder, repo, kind, facts=facts)
