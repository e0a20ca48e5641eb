"""The settings that a run was made with: results of other settings are never read as if they were these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from typing import Any

from .fused_method import fusion_settings
from .jobs import Job
from .materials import Materials, digest_of
from .methods import Method
from .passages import collection_key
from .students import training_data

SETTINGS = "settings.json"
# What no figure depends on, or what is told otherwise: data and models by their content, not by their place.
_LEFT_OUT = (
    "output_dir", "resume", "overwrite", "teacher", "bitext", "language", "limit", "triples", "passages", "lexicon", "exclude",
    "english_column", "non_english_column", "bitext_split", "bitext_config", "bitext_streaming", "teacher_cache", "disable_tqdm",
    "report_to", "use_cpu", "seed", "run_name", "project", "alignment", "dataloader_num_workers", "dataloader_pin_memory",
    "dataloader_persistent_workers", "dataloader_prefetch_factor",
)  # fmt: skip
_LEFT_OUT_BEGINNINGS = ("logging_", "log_", "hub_", "push_to_hub")
# Where and when recall is measured in training: no figure depends on it, unless the best checkpoint is taken.
_CHOOSES = ("save_", "development")
_BY_CONTENT = ("encoder", "model", "development")


def job_settings(job: Job, materials: Materials) -> dict[str, Any]:
    """Everything that the figures of a job depend on: settings by name, data and models by their fingerprints.

    Returns:
        `training`, and for each language under `evaluation` what it is evaluated on; JSON-able.
    """
    config = materials.config
    training: dict[str, Any] = {"system": job.method.system, "teacher": materials.teacher.fingerprint()}
    training["teacher_lengths"] = [materials.teacher.config.query_length, materials.teacher.config.document_length]
    if job.train_languages:
        training["bitext"] = {name: materials.bitext(name, job.limit).fingerprint for name in job.train_languages}
    source = job.method.root
    if source.lexicon != "induced":
        files = {name: config.languages[name].lexicon for name in job.train_languages or job.languages}
        training["lexicon"] = {name: [source.lexicon, *map(digest_of, files[name])] for name in files}
    training["settings"] = method_settings(job.method)
    if source.system == "student":
        training |= {name: digest_of(path) for name, path in training_data(config, source).items()}
    for name in _BY_CONTENT:
        if source.option(name):
            training[f"content of {name}"] = digest_of(source.option(name))
    return {"training": training, "evaluation": {name: _evaluation(name, materials) for name in job.languages}}


def method_settings(method: Method) -> dict[str, Any]:
    """The settings of a method that its results depend on."""
    if method.system == "student":
        return student_settings(method)
    if method.base:
        return {**fusion_settings(method), "of": {"system": method.base.system, **method_settings(method.base)}}
    return {name: " ".join(texts) for name, texts in method.settings.items()}


def student_settings(method: Method) -> dict[str, Any]:
    """Every setting that a student's weights depend on, defaults of this package included."""
    from transformers import TrainingArguments

    settings, args = method.train_settings()
    theirs = {entry.name: _default(entry) for entry in fields(TrainingArguments)}
    resolved = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    for entry in fields(args):
        # of transformers' hundred arguments those that are set here or in the configuration
        if entry.name in method.settings or entry.name not in theirs or _default(entry) != theirs[entry.name]:
            resolved[entry.name] = getattr(args, entry.name)
    beginnings = _LEFT_OUT_BEGINNINGS if args.load_best_model_at_end else (*_LEFT_OUT_BEGINNINGS, *_CHOOSES)
    kept = {name: value for name, value in resolved.items() if name not in _LEFT_OUT and not name.startswith(beginnings)}
    return json.loads(json.dumps({name: kept[name] for name in sorted(kept)}, default=_plain))


def changes(before: Mapping[str, Any], now: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> list[str]:
    """In words, where the settings of a run differ from those it is to be read with: `epsilon 0.05, now 0.02`.

    A language that only one of the two is evaluated on is no difference. Nor is a setting that an earlier version did not know,
    while it has its default.
    """
    old, new = _flat(before), _flat(now)
    both = set(before.get("evaluation", {})) & set(now.get("evaluation", {}))
    found = []
    for name in dict.fromkeys([*old, *new]):
        kind, *rest = name.split("/")
        if old.get(name) == new.get(name) or (kind == "evaluation" and rest[0] not in both):
            continue
        if name not in old and (defaults or {}).get(rest[-1], old) == new[name]:
            continue
        if kind == "training" and rest[0] not in ("settings", "system"):
            found.append(f"another {' of '.join(rest)}")
        elif kind == "evaluation" and rest[-1] != "k":
            found.append(f"other {rest[-1]} of {rest[0]}")
        else:
            found.append(f"{rest[-1]} {old.get(name)}, now {new.get(name)}")
    return found


def changes_without_data(before: Mapping[str, Any], job: Job, settings: Mapping[str, Any]) -> list[str]:
    """As `changes`, as far as it can be told without reading data and teacher.

    Args:
        before: what the run was made with.
        job: as the configuration has it now.
        settings: `method_settings` of its method.
    """
    training = before["training"]
    old = {name: training[name] for name in ("system", "settings") if name in training}
    found = changes({"training": old}, {"training": {"system": job.method.system, "settings": settings}}, default_settings())
    if "bitext" in training and set(training["bitext"]) != set(job.train_languages):
        found.append(f"trained on {', '.join(training['bitext'])}, now {', '.join(job.train_languages)}")
    return found


def stored_settings(folder: Path) -> dict[str, Any] | None:
    """What a job in this folder was begun with; None if none was."""
    file = folder / SETTINGS
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def default_settings() -> dict[str, Any]:
    """The defaults of all training settings."""
    from ..recipes.settings import DistillSettings
    from ..training import OpticalTrainingArguments

    entries = [*fields(DistillSettings), *fields(OpticalTrainingArguments)]
    return json.loads(json.dumps({entry.name: _default(entry) for entry in entries}, default=_plain))


def _evaluation(name: str, materials: Materials) -> dict[str, Any]:
    collection = materials.collection(name)
    asked = json.dumps([collection.queries, collection.english, collection.qrels], sort_keys=True)
    return {
        "queries": hashlib.sha256(asked.encode()).hexdigest()[:16],
        "passages": collection_key(collection),
        "k": list(materials.config.k),
    }


def _flat(settings: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{place}{name}/")
        else:
            flat[f"{place}{name}"] = value
    return flat


def _default(entry: Any) -> Any:
    return entry.default_factory() if entry.default_factory is not MISSING else None if entry.default is MISSING else entry.default


def _plain(value: object) -> Any:
    return value.value if isinstance(value, Enum) else str(value)
