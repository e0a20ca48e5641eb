"""What a card says about the training, from the files of a training run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import HubError
from .licences import licence_of
from .templates import table_cell

_LOSSES = {
    "optical": "by optimal transport between the token embeddings of both sentences",
    "greedy": "by aligning its tokens one to one with the teacher's nearest ones",
    "mse": "by the squared error of sentence embeddings",
}
_PAIRS = {"bitext": "sentence pairs", "switched": "code-switched English", "both": "sentence pairs and code-switched English"}


def training_method(training: Mapping[str, Any]) -> str:
    """How a student was made, as its training arguments say."""
    arguments = dict(training.get("defaults") or {}) | dict(training.get("arguments") or {})
    pairs = _PAIRS.get(arguments.get("pairs", "bitext"), "pairs of sentences")
    loss = arguments.get("loss", "optical")
    how = _LOSSES.get(loss)
    if arguments.get("sentence_weight") and loss in ("optical", "greedy"):
        how = f"{how} and {_LOSSES['mse']}"
    said = f"distilled from the teacher on {pairs}, {how}" if how else f"trained on {pairs}"
    ranks = arguments.get("ranking", "none") != "none"
    return said + (", and trained to rank English passages" if ranks else "")


def other_data(training: Mapping[str, Any], licences: Mapping[str, str]) -> list[dict[str, str]]:
    """What a student was trained with besides sentence pairs, as its arguments say, with the licence of that name."""
    arguments = training.get("arguments") or {}
    found = []
    for use in ("lexicon", "triples", "passages"):
        value = arguments.get(use) or []
        for name in [value] if isinstance(value, str) else value:
            name = name if name in datasets_of(training) else Path(name).name
            found.append({"use": use, "name": name, "licence": licence_of(name, licences) or ""})
    return found


def training_rows(training: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the card's table, from training.json, or what train_metrics.json has of them."""
    facts = dict(training) or {
        "steps": metrics.get("steps"),
        "epochs": metrics.get("epoch"),
        "train_loss": metrics.get("train_loss"),
        "seconds": metrics.get("train_runtime"),
    }
    names = {"examples": "examples", "steps": "steps", "examples_per_step": "examples per step", "epochs": "epochs"}
    names |= {"train_loss": "mean training loss", "seconds": "seconds", "finished": "finished", "commit": "commit of hf_optical"}
    rows = [(title, cell(facts[key])) for key, title in names.items() if facts.get(key) is not None]
    for key in ("hardware", "versions"):
        if facts.get(key):
            rows.append((key, ", ".join(f"{name} {value}" for name, value in facts[key].items())))
    return rows


def cell(value: Any) -> str:
    """A value in a Markdown table."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    elif isinstance(value, float):
        text = f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return table_cell(text)


def datasets_of(training: Mapping[str, Any]) -> list[str]:
    """Data sets of the Hub that a model was trained with, as they were recorded when it was: a name alone may be a folder's."""
    found = training.get("datasets")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; {} where there is no such file. Raises HubError for anything else."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HubError(f"{file.name}: not valid JSON ({error}): write it again.") from None
    if not isinstance(content, dict):
        raise HubError(f"{file.name}: no JSON object: write it again.")
    return content
