"""The student: puts queries of another language into its teacher's space."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

# as in modeling_teacher: every file of the folder, whether used here or not
from .colbert_checkpoint import read_colbert as read_colbert
from .configuration_optical import OpticalStudentConfig
from .encoding_optical import encode_texts as encode_texts
from .loading_optical import hub_commit, load_encoder
from .modeling_optical import OpticalOutput, OpticalPreTrainedModel
from .modeling_teacher import OpticalTeacherModel
from .processing_optical import OpticalProcessor as OpticalProcessor
from .sentence_transformers_layout import save_layout as save_layout

# What a student takes over from its teacher unless told otherwise: both must look at text in one way.
_SHARED_SETTINGS = (
    "embedding_dim",
    "query_length",
    "document_length",
    "query_prefix",
    "document_prefix",
    "do_query_expansion",
    "attend_to_expansion_tokens",
    "skiplist_words",
)


class TeacherMismatchError(ValueError):
    """A student was put together with documents of another teacher than its own."""


class OpticalStudentModel(OpticalPreTrainedModel):
    """Query encoder of another language, distilled into its teacher's space: arXiv 2301.12566.

    Documents stay the teacher's: `encode_document` uses the attached teacher, and only the one that the student was distilled from.

    Example:
        >>> student = OpticalStudentModel.from_pretrained("runs/optical-sw")  # doctest: +SKIP
        >>> student.encode_query(["mahindi huhifadhiwaje?"])[0].shape  # doctest: +SKIP
        torch.Size([32, 128])
    """

    config_class = OpticalStudentConfig
    _layout_arguments = ("task",)

    def __init__(self, config: OpticalStudentConfig, backbone: PreTrainedModel | None = None) -> None:
        super().__init__(config, backbone)
        # in a tuple, so that the teacher's weights do not become the student's
        self._teacher: tuple[OpticalTeacherModel, ...] = ()

    @classmethod
    def from_encoder(
        cls,
        encoder: str,
        teacher: OpticalTeacherModel,
        *,
        languages: Sequence[str],
        tokenizer: PreTrainedTokenizerBase | None = None,
        **settings: Any,
    ) -> OpticalStudentModel:
        """A student yet to be distilled, around a multilingual encoder (the paper's choice)."""
        backbone, tokenizer = load_encoder(encoder, tokenizer)
        student = cls(cls._config_for(teacher, languages, backbone.config, settings), backbone)
        return student.with_tokenizer(tokenizer).record_teacher(teacher).eval()

    @classmethod
    def from_teacher(cls, teacher: OpticalTeacherModel, *, languages: Sequence[str], **settings: Any) -> OpticalStudentModel:
        """A student that starts as a copy of its teacher: undistilled, it is the zero-shot baseline."""
        backbone = type(teacher.config.backbone_config).from_dict(teacher.config.backbone_config.to_dict())
        settings = {"prefixes_are_text": teacher.config.prefixes_are_text} | settings
        student = cls(cls._config_for(teacher, languages, backbone, settings)).to(teacher.device, teacher.dtype)
        student.load_state_dict(teacher.state_dict())
        # a copy of the tokenizer: a marker of its own would otherwise be added to the teacher's
        return student.with_tokenizer(copy.deepcopy(teacher.tokenizer)).record_teacher(teacher).eval()

    @staticmethod
    def _config_for(
        teacher: OpticalTeacherModel, languages: Sequence[str], backbone: PreTrainedConfig, settings: dict[str, Any]
    ) -> OpticalStudentConfig:
        shared = {name: getattr(teacher.config, name) for name in _SHARED_SETTINGS}
        config = OpticalStudentConfig(
            backbone_config=backbone, languages=languages if isinstance(languages, str) else list(languages), **(shared | settings)
        )
        if config.embedding_dim != teacher.config.embedding_dim:
            raise ValueError(
                f"embedding_dim {config.embedding_dim} is not the teacher's, {teacher.config.embedding_dim}: they share one space."
            )
        return config

    def record_teacher(self, teacher: OpticalTeacherModel) -> OpticalStudentModel:
        """Note down whose student this is (name, revision and fingerprint as they are now); this teacher encodes its documents."""
        source, kwargs = teacher._source or (teacher.name_or_path, {})
        if source and (Path(source).is_dir() or Path(source).is_absolute()):
            # a path means nothing where the student goes, and a relative one may there be taken for somebody's repository
            source, revision = Path(os.path.abspath(source)).name, None
        else:
            revision = hub_commit(source, kwargs) or kwargs.get("revision")  # rather the commit than a branch
        self.config.teacher = {"name_or_path": source or None, "revision": revision, "fingerprint": teacher.fingerprint()}
        self._teacher = (teacher,)
        return self

    def check_teacher(self, fingerprint: str, name: str = "") -> None:
        """Raise TeacherMismatchError unless documents of the teacher with this fingerprint are the student's."""
        own = self.config.teacher or {}
        if own.get("fingerprint") != fingerprint:
            raise TeacherMismatchError(
                f"this student was distilled from teacher {own.get('name_or_path') or 'unknown'} (fingerprint "
                f"{own.get('fingerprint')}), but the documents are encoded by {name or 'another teacher'} "
                f"(fingerprint {fingerprint}): use the student's own teacher, or distil a student from the other."
            )

    def attach_teacher(self, teacher: OpticalTeacherModel) -> OpticalStudentModel:
        """Let this teacher encode the documents. Raises TeacherMismatchError if it is not the student's own."""
        self.check_teacher(teacher.fingerprint(), teacher.name_or_path)
        self._teacher = (teacher,)
        return self

    def encode_query(self, texts: Sequence[str], **kwargs: Any) -> list[Tensor]:
        """Queries in the student's languages; of a student for documents alone, English ones by the attached teacher."""
        if self.config.side == "document":
            return self._attached("documents", "queries").encode_query(texts, **kwargs)
        return super().encode_query(texts, **kwargs)

    def encode_document(self, texts: Sequence[str], **kwargs: Any) -> list[Tensor]:
        """Documents in English as the attached teacher encodes them; in the student's languages, if it was distilled for them.

        Raises:
            ValueError: they are the teacher's, and none is attached.
        """
        if self.config.side == "query":
            return self._attached("queries", "documents").encode_document(texts, **kwargs)
        return super().encode_document(texts, **kwargs)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        scoring_mask: Tensor | None = None,
        task: str | None = None,
        **kwargs: Any,
    ) -> OpticalOutput:
        """As the teacher's. `task` is what sentence-transformers encodes: ValueError if that side is the teacher's."""
        if task in ("query", "document") and self.config.side not in (task, "both"):
            teacher = (self.config.teacher or {}).get("name_or_path")
            raise ValueError(
                f"this student does not take encode_{task}: that side is its teacher's ({teacher}); load the teacher's repository "
                "for it."
            )
        return super().forward(input_ids, attention_mask, scoring_mask, **kwargs)

    def _attached(self, own: str, other: str) -> OpticalTeacherModel:
        if not self._teacher:
            name = (self.config.teacher or {}).get("name_or_path")
            raise ValueError(f"a student encodes {own}; {other} are its teacher's ({name}): call attach_teacher(teacher) first.")
        return self._teacher[0]
