"""Who may encode the documents of an index: a teacher, or a student of it that was distilled to."""

from __future__ import annotations

from typing import Any

from ..models import OpticalPreTrainedModel, OpticalStudentModel
from .manifest import Manifest, model_name


def document_space(encoder: OpticalPreTrainedModel) -> tuple[str, str]:
    """Fingerprint and name of the teacher in whose space a model encodes documents: its own, or those of a student's teacher.

    Documents of both can be in one index: English ones by the teacher, others by students distilled with `--side document` or
    `--side both`.

    Raises:
        ValueError: a student of queries, whose documents are its teacher's to encode; or one that does not know its teacher.

    Example:
        >>> fingerprint, name = document_space(teacher)  # doctest: +SKIP
        >>> document_space(student) == (fingerprint, name)  # doctest: +SKIP
        True
    """
    if not isinstance(encoder, OpticalStudentModel):
        return encoder.fingerprint(), encoder.name_or_path
    teacher = encoder.config.teacher or {}
    if encoder.config.side == "query":
        raise ValueError(
            f"student {encoder.name_or_path} encodes queries, its documents are the teacher's ({teacher.get('name_or_path')}): "
            "encode them with the teacher, or distil a student with --side document or --side both."
        )
    if not teacher.get("fingerprint"):
        raise ValueError(f"student {encoder.name_or_path} does not know its teacher: call record_teacher(teacher), and save it.")
    return teacher["fingerprint"], teacher.get("name_or_path") or ""


def encoders_of(manifest: Manifest) -> dict[str, str]:
    """Fingerprint -> name of the models that documents of an index were added by."""
    return manifest.encoders or {manifest.teacher_fingerprint: manifest.teacher_name}


def students_of(index: Any) -> list[str]:
    """Names, or fingerprints, of the students that documents of an index were added by.

    Args:
        index: a DiskIndex, or a QdrantIndex, which knows only the one that built it.
    """
    if manifest := getattr(index, "manifest", None):
        found = encoders_of(manifest)
    else:
        found = {index.plan.get("encoder_fingerprint") or index.teacher_fingerprint: ""}
    return [name or fingerprint for fingerprint, name in found.items() if fingerprint != index.teacher_fingerprint]


def with_encoder(plan: Manifest, encoder: OpticalPreTrainedModel) -> Manifest:
    """The manifest of an index to which this model adds documents. It keeps {} as long as all are the teacher's."""
    encoders = (encoders_of(plan) if plan.segments else {}) | {encoder.fingerprint(): encoder.name_or_path or ""}
    encoders = {fingerprint: model_name(name) for fingerprint, name in encoders.items()}
    return plan.changed(encoders={} if set(encoders) == {plan.teacher_fingerprint} else encoders)
