"""Who may encode the documents of an index: a teacher, or a student of it that was distilled to."""

from __future__ import annotations

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


def with_encoder(plan: Manifest, encoder: OpticalPreTrainedModel) -> Manifest:
    """The manifest of an index to which this model adds documents. It keeps {} as long as all are the teacher's."""
    known = plan.encoders or ({plan.teacher_fingerprint: plan.teacher_name} if plan.segments else {})
    encoders = known | {encoder.fingerprint(): encoder.name_or_path or ""}
    encoders = {fingerprint: model_name(name) for fingerprint, name in encoders.items()}
    return plan.changed(encoders={} if set(encoders) == {plan.teacher_fingerprint} else encoders)
