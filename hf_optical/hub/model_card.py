"""The cards of students and teachers: filled from the files that lie beside the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from ..data.languages import language_name
from .errors import HubError
from .licence_terms import conflict
from .model_licence import ModelLicence, bitext_counts, label, model_licence, teacher_licence, training_parts
from .result_files import read_results
from .results import Chosen, choose_results, eval_results, tables
from .templates import code_cell, render, table_cell
from .training_record import FILE as TRAINING
from .training_text import cell, datasets_of, read_json, training_method, training_rows

METRICS = "train_metrics.json"


@dataclass
class ModelFacts:
    """What is known of a model besides its files.

    Attributes:
        kind: "student" or "teacher".
        config: content of its config.json.
        fingerprint: of the weights. parameters: their number.
        licences: source -> licence, as far as they are known.
        teacher_licence: of a student's teacher, as its repository says; None if that was not asked.
    """

    kind: str
    config: Mapping[str, Any]
    fingerprint: str
    parameters: int
    licences: Mapping[str, str] = field(default_factory=dict)
    teacher_licence: ModelLicence | None = None

    def licence(self, folder: Path) -> ModelLicence:
        """Of the model in this folder."""
        return model_licence(folder, self.kind, self.licences, self.teacher_licence, self.teacher_names)

    @property
    def teacher_names(self) -> list[str]:
        """What a table of licences may call a student's teacher."""
        teacher = teacher_of(self.config)
        return [name for name in (teacher["repo"], teacher["name"]) if name]


def model_card(folder: Path, repo: str, facts: ModelFacts, *, revision: str, paths: Sequence[str] = ()) -> str:
    """The card of a student or teacher.

    Args:
        folder: of the model, with `evaluation/*.json`, `training.json`, `bitext_report.json` as far as there are.
        repo: where it goes.
        facts: see `ModelFacts`.
        revision: what pins this content.
        paths: of the files that go with it.

    Raises:
        HubError: a file is damaged, or a figure in it is not what an evaluation wrote.
    """
    training = read_json(folder / TRAINING)
    if training.get("fingerprint") not in (None, facts.fingerprint):
        raise HubError(
            f"{TRAINING} is the record of other weights (fingerprint {training['fingerprint']}, this model {facts.fingerprint}): "
            "remove it, or push the model that it belongs to."
        )
    counts = bitext_counts(folder)
    chosen = chosen_results(folder, facts)
    own = chosen.own
    languages = list(facts.config.get("languages") or [])
    sources, others = training_parts(folder, facts.licences, facts.teacher_names)
    follows = facts.licence(folder)
    licence, licence_name = follows.whole
    data = _metadata(repo, facts, languages, training, own, "modules.json" in paths)
    data.license = licence
    if licence_name:
        data.license_name = licence_name
    names = [language_name(code) for code in languages]
    return render(
        f"{facts.kind}.md",
        data,
        repo=repo,
        name=repo.split("/")[-1],
        revision=revision,
        languages=joined(names) or "English",
        question=f"your question in {joined(names[:1]) or 'English'}",
        passage=f"your passage in {joined(names[:1]) or 'English'}",
        side=facts.config.get("side") or "query",
        method=training_method(training) if training else ("distilled" if (folder / METRICS).is_file() else ""),
        teacher=_shown_teacher(facts),
        fingerprint=facts.fingerprint,
        parameters=f"{facts.parameters:,}",
        **{name: facts.config.get(name) for name in ("embedding_dim", "query_length", "document_length")},
        side_files="modules.json" in paths,
        tables=tables(chosen.shown, own),
        own=bool(own),
        left_out=bool(chosen.left_out),
        onnx_measured=any("int8" in result.export for result in chosen.shown),
        training=training_rows(training, read_json(folder / METRICS)),
        arguments=[(name, cell(value)) for name, value in (training.get("arguments") or {}).items()],
        defaults=", ".join(f"`{name}` {cell(value)}" for name, value in (training.get("defaults") or {}).items()),
        onnx=_onnx(folder, paths, facts.fingerprint),
        sources=_shown(sources),
        others=_shown(others),
        counts={"kept": f"{counts['kept']:,}", "read": f"{counts['read']:,}"} if counts else None,
        licence=licence,
        licence_name=licence_name,
        missing=", ".join(map(label, follows.missing)),
        non_commercial=follows.non_commercial,
        mixed=conflict(follows.parts.values()) is not None,
    )


def chosen_results(folder: Path, facts: ModelFacts) -> Chosen:
    """Those of the results beside a model that can be tied to it."""
    return choose_results(read_results(folder), facts.kind, facts.fingerprint, teacher_of(facts.config)["fingerprint"])


def _onnx(folder: Path, paths: Sequence[str], fingerprint: str) -> dict[str, bool]:
    """Which exports go with the model. Raises HubError where they are of other weights."""
    if "onnx/query_encoder.json" not in paths:
        return {}
    exported = read_json(folder / "onnx" / "query_encoder.json").get("student")
    if exported != fingerprint:
        raise HubError(
            f"onnx/ was exported from other weights (fingerprint {exported}, this model {fingerprint}): export again with "
            "`optical export onnx`, or remove it."
        )
    return {"there": True, "int8": "onnx/model_quantized.onnx" in paths}


def teacher_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Name, repository ("" unless it is one), revision and fingerprint of a student's teacher."""
    teacher = config.get("teacher") or {}
    name, revision = str(teacher.get("name_or_path") or ""), str(teacher.get("revision") or "")
    # a folder has no revision; a Hub name that was loaded as such has the commit
    return {
        "name": Path(name).name if name else "",
        "repo": name if revision and name.count("/") == 1 else "",
        "revision": revision,
        "fingerprint": str(teacher.get("fingerprint") or ""),
    }


def _metadata(
    repo: str, facts: ModelFacts, languages: list[str], training: Mapping[str, Any], own: list, side_files: bool
) -> ModelCardData:
    tags = ["hf_optical", "late-interaction", "ColBERT", *(["cross-lingual-retrieval"] if languages else [])]
    tags += ["sentence-transformers", "PyLate"] if side_files else []
    teacher = teacher_of(facts.config)["repo"]
    values: dict[str, Any] = {
        "language": [*languages, "en"] if languages else "en",
        "library_name": "transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": tags,
        "model_name": repo.split("/")[-1],
        "eval_results": eval_results(own, languages) or None,
    }
    if teacher:
        values["base_model"] = teacher
    if datasets := datasets_of(training):
        values["datasets"] = datasets
    data = ModelCardData(**values)
    if not own:
        del data.model_name  # it would be metadata of its own without results to belong to
    return data


def _shown_teacher(facts: ModelFacts) -> dict[str, str]:
    teacher, licence = teacher_of(facts.config), teacher_licence(facts.teacher_licence, facts.licences, facts.teacher_names)
    return teacher | {"name": table_cell(teacher["name"]), "licence": table_cell(licence.text)}


def _shown(parts: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Parts of the training data for a table."""
    return [{**part, "name": code_cell(part["name"]), "licence": table_cell(part["licence"])} for part in parts]


def joined(names: Sequence[str]) -> str:
    """Names in a sentence.

    Example:
        >>> joined(["Hausa", "Igbo", "Yoruba"])
        'Hausa, Igbo and Yoruba'
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""
