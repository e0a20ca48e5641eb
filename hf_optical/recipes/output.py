"""The folder that a training run writes to: nothing is overwritten unasked, nothing is left half-written."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from transformers import PreTrainedModel, TrainingArguments

from ..models.loading_optical import without_progress_bars
from ..training.base_trainer import complete_checkpoints, remove_incomplete_checkpoints
from .run_inputs import keep_run_inputs
from .settings import DevelopmentSettings


def check_writable(folder: Path) -> None:
    """Raise OSError unless the folder can be made, if it is not there, and written to; leaves no trace."""
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder")
    # tried rather than asked: root may do anything, but not on a read-only disk
    os.rmdir(tempfile.mkdtemp(prefix=".writable-", dir=folder))


def check_output(output_dir: str | Path, *, resume: bool, overwrite: bool) -> None:
    """Find out, before any data is read, whether a run may write there; changes nothing.

    Raises:
        ValueError: both `resume` and `overwrite`.
        FileExistsError: the folder holds a model or checkpoints, and neither `resume` nor `overwrite` is asked for; or with
            `resume` a finished model without a checkpoint to go on from.
        OSError: it cannot be written to.
    """
    folder = Path(output_dir)
    if resume and overwrite:
        raise ValueError("--resume goes on with what is in the output folder, --overwrite replaces it: give one of them.")
    try:
        check_writable(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    checkpoints, finished = complete_checkpoints(folder), (folder / "config.json").exists()
    if resume and finished and not checkpoints:
        raise FileExistsError(f"output folder {folder} holds a finished model and no checkpoint to resume from: nothing was done.")
    if (checkpoints or finished) and not (resume or overwrite):
        raise FileExistsError(
            f"output folder {folder} holds {'checkpoints' if checkpoints else 'a model'} already: --resume to go on with it, "
            "--overwrite to replace it, or give another --output."
        )


def check_table(output: str, inputs: Sequence[str]) -> None:
    """Raise ValueError or OSError, before anything is read, for a file that must not or cannot be written."""
    if not output.endswith((".tsv", ".tsv.gz")):
        raise ValueError(f"--output {output}: the pairs are written as tab-separated text; end the name with .tsv or .tsv.gz")
    if any(os.path.exists(path) and os.path.exists(output) and os.path.samefile(path, output) for path in inputs):
        raise ValueError(f"--output {output} is the file that is read; give another name")
    try:
        check_writable(Path(output).parent)
    except OSError as error:
        raise OSError(f"--output {output} cannot be written ({error.strerror}); give another") from None


def prepare_output(output_dir: str | Path, *, resume: bool, overwrite: bool) -> str | None:
    """Make the folder ready: what is to be overwritten goes now, so call it when data and models have been read.

    Returns:
        The checkpoint to resume from, if any.

    Raises:
        OSError, ValueError: as `check_output`.
    """
    check_output(output_dir, resume=resume, overwrite=overwrite)
    folder = Path(output_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    remove_incomplete_checkpoints(folder)
    checkpoints = complete_checkpoints(folder)
    if resume:
        return str(checkpoints[-1]) if checkpoints else None
    for old in checkpoints:
        shutil.rmtree(old)
    (folder / "config.json").unlink(missing_ok=True)
    return None


def prepare_output_once(args: TrainingArguments, settings: DevelopmentSettings, inputs: Mapping[str, str | int]) -> str | None:
    """`prepare_output` in the first of several processes, then in the others, which find nothing left to remove.

    Args:
        inputs: what a resumed run must have been begun with, see `keep_run_inputs`.

    Raises:
        DataError: it was begun with something else.
    """
    with args.main_process_first(desc="preparing the output folder"):
        resume_from = prepare_output(args.output_dir, resume=settings.resume, overwrite=settings.overwrite)
        keep_run_inputs(Path(args.output_dir), inputs, resume_from=resume_from)
    return resume_from


def save_finished(model: PreTrainedModel, output_dir: str | Path) -> Path:
    """Save model and tokenizer into the folder: written beside, then moved; `config.json`, which makes it a model, comes last."""
    folder = Path(output_dir)
    staging = folder / ".saving"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with without_progress_bars():
            model.save_pretrained(staging)
        # without it the folder is no model while files of two runs stand beside each other
        (folder / "config.json").unlink(missing_ok=True)
        files = [file.relative_to(staging) for file in staging.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda file: (file.name == "config.json" and file.parent == Path(), file)):
            (folder / file).parent.mkdir(exist_ok=True)
            os.replace(staging / file, folder / file)
    except Exception as error:
        # safetensors, the tokenizer and the file system each have an error of their own for a full disk
        raise OSError(f"the finished model could not be written to {folder} ({error}): make room, then --resume.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    model._source = (str(folder), {})
    return folder


def _unwritable(folder: Path, error: OSError) -> OSError:
    return OSError(f"output folder {folder} cannot be written to ({error.strerror}): give another --output.")
