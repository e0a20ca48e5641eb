"""How a model was trained, as a file beside it: what a card says about the training is read from there."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..data.bitext_readers import is_hub_bitext
from ..data.files import atomic_write
from ..data.triples import is_hub_triples
from .private import without_folders

FILE = "training.json"
_PACKAGES = ("hf_optical", "torch", "transformers", "datasets", "accelerate", "tokenizers", "huggingface_hub")
# Say nothing about the model: where things are written, what is shown, and who may push.
_ELSEWHERE = {
    *("output_dir", "logging_dir", "run_name", "report_to", "disable_tqdm", "log_level", "log_level_replica", "log_on_each_node"),
    *("push_to_hub", "teacher_cache", "resume", "overwrite", "resume_from_checkpoint", "local_rank", "project", "trackio_space_id"),
    *("dataloader_num_workers", "dataloader_pin_memory", "remove_unused_columns", "ddp_timeout", "full_determinism", "use_cpu"),
    *("do_train", "do_eval", "do_predict", "accelerator_config", "include_num_input_tokens_seen", "parallelism_config"),
}
_ELSEWHERE_PREFIXES = ("hub_", "logging_", "save_", "push_to_hub", "trackio_")


def training_record(
    args: Any,
    settings: Any = None,
    *,
    pairs: int | None = None,
    steps: int | None = None,
    outcome: Mapping[str, float] | None = None,
    fingerprint: str | None = None,
    bitext: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What `training.json` holds.

    Args:
        args: the training arguments (a dataclass); those that differ from their defaults are recorded apart from the others.
        settings: the recipe's settings (a dataclass), likewise.
        pairs: examples trained on.
        steps: optimizer steps taken.
        outcome: metrics of `Trainer.train` (`train_runtime` in seconds, `train_loss`, `epoch`).
        fingerprint: of the trained weights.
        bitext: what else is known of the data, such as `{"fingerprint": ..., "language": ...}`.

    Returns:
        JSON values without a path, user or host name. Hardware is what this process runs on, and `datasets` are those of the
        settings' sources that were read from the Hub, as nothing here has their names: call it where it was trained.
    """
    batch = getattr(args, "per_device_train_batch_size", None)
    world = getattr(args, "world_size", 1)
    accumulation = getattr(args, "gradient_accumulation_steps", 1)
    outcome = dict(outcome or {})
    record = {
        "fingerprint": fingerprint,
        "arguments": changed_arguments(args) | ({} if settings is None else changed_arguments(settings)),
        "defaults": default_arguments(args) | ({} if settings is None else default_arguments(settings)),
        "examples": pairs,
        "steps": steps,
        "examples_per_step": batch and batch * world * accumulation,
        "epochs": outcome.get("epoch"),
        "train_loss": outcome.get("train_loss"),
        "seconds": outcome.get("train_runtime"),
        "finished": datetime.now(UTC).strftime("%Y-%m-%d"),
        "hardware": _hardware(args, world),
        "versions": _versions(),
        "commit": _commit(),
        "bitext": dict(bitext) if bitext else None,
        "datasets": [] if settings is None else hub_datasets(settings),
    }
    return without_folders({key: value for key, value in record.items() if value is not None})


def hub_datasets(settings: Any) -> list[str]:
    """Those of a recipe's sources that are names of data sets on the Hub; afterwards, elsewhere, nobody can tell them from paths.

    Example:
        >>> from hf_optical.recipes.settings import DistillSettings
        >>> hub_datasets(DistillSettings(bitext=["org/bitext", "pairs.tsv"], language=["sw"], triples="train.jsonl.gz"))
        ['org/bitext']
    """
    languages = getattr(settings, "language", None) or [""]
    bitexts = [s for s in getattr(settings, "bitext", None) or [] if all(is_hub_bitext(s, code) for code in languages)]
    triples = getattr(settings, "triples", None)
    return list(dict.fromkeys([*bitexts, *([triples] if triples and is_hub_triples(triples) else [])]))


def save_training_record(folder: str | os.PathLike[str], record: Mapping[str, Any]) -> Path:
    """Write `training.json` into the model's folder, whole or not at all."""
    path = Path(folder) / FILE
    with atomic_write(path) as file:
        file.write((json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    return path


def changed_arguments(args: Any) -> dict[str, Any]:
    """Fields of a dataclass that differ from their defaults and have to do with the model, as JSON values, by name."""
    return {name: value for name, value, changed in _arguments(args) if changed}


def default_arguments(args: Any) -> dict[str, Any]:
    """The others that have to do with the model, as far as they say anything: a later version may have other defaults."""
    return {name: value for name, value, changed in _arguments(args) if not changed and value not in (None, False, "", [], {})}


def _arguments(args: Any) -> Iterator[tuple[str, Any, bool]]:
    """Name, value and whether it is another than the default, by name."""
    from transformers import TrainingArguments

    theirs = {field.name for field in dataclasses.fields(TrainingArguments)}
    for field in sorted(dataclasses.fields(args), key=lambda field: field.name):
        if field.name in _ELSEWHERE or field.name.startswith((*_ELSEWHERE_PREFIXES, "_")) or not field.init:
            continue
        default = None if field.default is dataclasses.MISSING else field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        value, default = _plain(getattr(args, field.name)), _plain(default)
        # transformers writes an empty list, mapping or false in the place of a None
        same = field.name in theirs and value in (None, False, "", [], {}) and default in (None, False, "", [], {})
        yield field.name, value, value != default and not same


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def _hardware(args: Any, world: int) -> dict[str, Any]:
    import torch

    device = str(getattr(args, "device", "cpu")).split(":")[0]
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    return {"device": device, "name": name, "processes": world, "cpus": os.cpu_count()}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """Commit of hf_optical's code, with `+changes` where files differ from it; None where it is no checkout of its own."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+changes" if _git(root, "status", "--porcelain", "--", "hf_optical") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()
