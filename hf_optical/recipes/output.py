"""The folder that a training run writes to: nothing is overwritten unasked, nothing is left half-written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from transformers import PreTrainedModel

from ..training.base_trainer import complete_checkpoints, remove_incomplete_checkpoints


def prepare_output(output_dir: str | Path, *, resume: bool, overwrite: bool) -> str | None:
    """Make the folder ready, before any work is done.

    Returns:
        The checkpoint to resume from, if any.

    Raises:
        FileExistsError: it holds a model or checkpoints, and neither `resume` nor `overwrite` is asked for.
        OSError: it cannot be written to.
    """
    folder = Path(output_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(f"output folder {folder} cannot be written to ({error.strerror}): give another --output.") from None
    checkpoints = complete_checkpoints(folder)
    if resume:
        remove_incomplete_checkpoints(folder)
        return str(checkpoints[-1]) if checkpoints else None
    if overwrite:
        for old in folder.glob("checkpoint-*"):
            shutil.rmtree(old)
        (folder / "config.json").unlink(missing_ok=True)
        return None
    if checkpoints or (folder / "config.json").exists():
        raise FileExistsError(
            f"output folder {folder} holds {'checkpoints' if checkpoints else 'a model'} already: --resume to go on with it, "
            "--overwrite to replace it, or give another --output."
        )
    remove_incomplete_checkpoints(folder)
    return None


def save_finished(model: PreTrainedModel, output_dir: str | Path) -> Path:
    """Save model and tokenizer into the folder: written beside, then moved; `config.json`, which makes it a model, comes last."""
    folder = Path(output_dir)
    staging = folder / ".saving"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        model.save_pretrained(staging)
        for file in sorted(staging.iterdir(), key=lambda file: file.name == "config.json"):
            os.replace(file, folder / file.name)
    except Exception as error:
        raise OSError(f"the finished model could not be written to {folder} ({error}): make room, then --resume.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder
