"""Whether a model's queries belong to the documents of an index."""

from __future__ import annotations

from ..models import OpticalPreTrainedModel, OpticalStudentModel, TeacherMismatchError


def check_model(model: OpticalPreTrainedModel, teacher_fingerprint: str, teacher_name: str = "") -> None:
    """Raise TeacherMismatchError (ValueError) unless the model is this teacher, or a student of it."""
    if isinstance(model, OpticalStudentModel):
        model.check_teacher(teacher_fingerprint, teacher_name)
    elif (fingerprint := model.fingerprint()) != teacher_fingerprint:
        raise TeacherMismatchError(
            f"the documents are encoded by {teacher_name or 'a teacher'} (fingerprint {teacher_fingerprint}), the "
            f"queries by {model.name_or_path or 'another teacher'} (fingerprint {fingerprint}): build the index with the same "
            "teacher."
        )
