"""Configurations of the late-interaction teacher and student (composite: any Hugging Face text encoder inside)."""

import copy
import inspect
import string
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig


class _FieldsConfig(PreTrainedConfig):
    """Annotated attributes are fields. So they are in newer transformers; those that PyLate needs (5.3) have no such thing."""

    if not hasattr(PreTrainedConfig, "__post_init__"):

        def __init__(self, **kwargs: Any) -> None:
            for cls in reversed(type(self).__mro__):
                for name in inspect.get_annotations(cls) if issubclass(cls, _FieldsConfig) else ():
                    setattr(self, name, kwargs.pop(name, getattr(type(self), name)))
            self.__post_init__(**kwargs)

        def __post_init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)


class OpticalConfig(_FieldsConfig):
    """What a ColBERT-style encoder needs to know: Khattab and Zaharia, SIGIR 2020, arXiv 2004.12832.

    Args:
        backbone_config: configuration (or its dict) of the text encoder.
        embedding_dim: length of a token embedding.
        query_length: number of query tokens: the longest query kept, and what a query is expanded to.
        document_length: number of document tokens kept.
        query_prefix, document_prefix: marker tokens put behind `[CLS]` as ids; "" for none. They must be in the tokenizer.
        prefixes_are_text: the prefixes are ordinary text, put before each text ("query: ", or markers that the tokenizer
            does not know), as in checkpoints of sentence-transformers.
        do_query_expansion: fill queries up to `query_length` with `[MASK]`. Expansion positions are scored.
        attend_to_expansion_tokens: let the other tokens attend to the expansion positions.
        skiplist_words: document tokens that are not scored; default: ASCII punctuation.

    Example:
        >>> from transformers import BertConfig
        >>> OpticalTeacherConfig(backbone_config=BertConfig(hidden_size=32, num_attention_heads=2), embedding_dim=16).embedding_dim
        16
    """

    sub_configs = {"backbone_config": AutoConfig}

    backbone_config: dict | PreTrainedConfig | None = None
    embedding_dim: int = 128
    query_length: int = 32
    document_length: int = 180
    query_prefix: str = "[Q] "
    document_prefix: str = "[D] "
    prefixes_are_text: bool = False
    do_query_expansion: bool = True
    attend_to_expansion_tokens: bool = False
    skiplist_words: list | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if isinstance(self.backbone_config, dict):
            if "model_type" not in self.backbone_config:
                raise ValueError(
                    "backbone_config has no model_type: name the encoder's family (bert, xlm-roberta, modernbert, ...)."
                )
            settings = dict(self.backbone_config)
            self.backbone_config = AutoConfig.for_model(settings.pop("model_type"), **settings)
        elif self.backbone_config is not None:
            # a copy: the composite resets how its parts attend, and this one may be in use by a loaded encoder
            self.backbone_config = copy.deepcopy(self.backbone_config)
        if self.backbone_config is not None and Path(self.backbone_config.name_or_path).is_absolute():
            # a path of this machine means nothing where the model goes
            self.backbone_config.name_or_path = Path(self.backbone_config.name_or_path).name
        if self.skiplist_words is None:
            self.skiplist_words = list(string.punctuation)
        for name in ("embedding_dim", "query_length", "document_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        super().__post_init__(**kwargs)

    @property
    def hidden_size(self) -> int:
        return self.backbone_config.hidden_size

    @property
    def vocab_size(self) -> int:
        return self.backbone_config.vocab_size

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> PreTrainedConfig:
        return self.backbone_config if self.backbone_config is not None else self


class OpticalTeacherConfig(OpticalConfig):
    """Configuration of `OpticalTeacherModel`."""

    model_type = "optical_teacher"


class OpticalStudentConfig(OpticalConfig):
    """Configuration of `OpticalStudentModel`: as the teacher's, and whose student it is.

    Args:
        languages: ISO 639-1 codes of the query languages.
        teacher: `{"name_or_path": ..., "revision": ..., "fingerprint": ...}` of the teacher whose documents it searches.
        side: what it was distilled to encode in its languages: `query`, `document` or `both`. The other side is its teacher's.
    """

    model_type = "optical_student"

    languages: list | None = None
    teacher: dict | None = None
    side: str = "query"

    def __post_init__(self, **kwargs: Any) -> None:
        if self.side not in ("query", "document", "both"):
            raise ValueError(f"side must be query, document or both, got {self.side!r}.")
        if isinstance(self.languages, str):
            raise ValueError(f"languages must be a list of codes, got the string {self.languages!r}.")
        super().__post_init__(**kwargs)
