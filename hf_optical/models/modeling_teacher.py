"""The English late-interaction teacher."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

# Older transformers, such as PyLate's, take out of a local folder what this file itself imports and no more: hence the names that
# are not used here.
from .colbert_checkpoint import read_colbert
from .configuration_optical import OpticalTeacherConfig
from .encoding_optical import encode_texts as encode_texts
from .loading_optical import load_encoder
from .modeling_optical import OpticalPreTrainedModel
from .processing_optical import OpticalProcessor as OpticalProcessor
from .sentence_transformers_layout import save_layout as save_layout


class OpticalTeacherModel(OpticalPreTrainedModel):
    """The English late-interaction retriever (ColBERT, arXiv 2004.12832): it encodes queries and documents.

    Example:
        >>> teacher = OpticalTeacherModel.from_pretrained("runs/teacher")  # doctest: +SKIP
        >>> q, = teacher.encode_query(["how is maize stored?"])  # doctest: +SKIP
        >>> d, = teacher.encode_document(["Maize is dried before it is put into sacks."])  # doctest: +SKIP
        >>> maxsim(q[None], d[None])  # doctest: +SKIP
    """

    config_class = OpticalTeacherConfig

    @classmethod
    def from_encoder(
        cls, encoder: str, *, tokenizer: PreTrainedTokenizerBase | None = None, **settings: Any
    ) -> OpticalTeacherModel:
        """A teacher yet to be trained, around a pre-trained encoder; settings as in `OpticalConfig`."""
        backbone, tokenizer = load_encoder(encoder, tokenizer)
        model = cls(OpticalTeacherConfig(backbone_config=backbone.config, **settings), backbone)
        return model.with_tokenizer(tokenizer).eval()

    @classmethod
    def from_colbert(cls, path_or_repo: str, *, revision: str | None = None) -> OpticalTeacherModel:
        """A trained teacher from a ColBERT checkpoint of another library.

        Reads the layouts of sentence-transformers' `MultiVectorEncoder`, PyLate and Stanford ColBERT, on disk or on the Hub.

        Raises:
            ValueError: none of these layouts; a layer that this model cannot express; damaged or only pickled weights.
        """
        checkpoint = read_colbert(path_or_repo, revision=revision)
        config = OpticalTeacherConfig(
            backbone_config=checkpoint.backbone.config, embedding_dim=checkpoint.linear.shape[0], **checkpoint.settings
        )
        model = cls(config, checkpoint.backbone)
        with torch.no_grad():
            model.linear.weight.copy_(checkpoint.linear)
        model.tokenizer = checkpoint.tokenizer
        model._source = (str(path_or_repo), {"revision": revision} if revision else {})
        return model.eval()
