"""What the late-interaction teacher and student share: backbone, projection, L2 norm, and how texts are encoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers import initialization as init
from transformers.utils import ModelOutput

from .configuration_optical import OpticalConfig
from .encoding_optical import encode_texts
from .loading_optical import missing_weights, position_limit, quiet_loading
from .processing_optical import OpticalProcessor, add_markers
from .sentence_transformers_layout import save_layout

# Arguments of from_pretrained that say where a checkpoint is: the tokenizer is loaded from there too.
_SOURCE_ARGUMENTS = ("revision", "subfolder", "token", "cache_dir", "local_files_only", "force_download")

_PUSH_ARGUMENTS = ("commit_message", "private", "token", "create_pr", "revision")


@dataclass
class OpticalOutput(ModelOutput):
    """Output of a late-interaction encoder.

    Attributes:
        embeddings: `(B, L, embedding_dim)` float32, L2-normalised; zero where `scoring_mask` is 0.
        last_hidden_state: `(B, L, hidden_size)` of the backbone.
        scoring_mask: `(B, L)`, as given (the attention mask if none was).
    """

    embeddings: Tensor | None = None
    last_hidden_state: Tensor | None = None
    scoring_mask: Tensor | None = None


class EncoderOutput(OpticalOutput):
    """The same, with `last_hidden_state` first: PyLate takes `output[0]` for what the encoder gives, and projects it itself."""

    def to_tuple(self) -> tuple[Tensor | None, ...]:
        return self.last_hidden_state, self.embeddings, self.scoring_mask


def maxsim(queries: Tensor, documents: Tensor, query_mask: Tensor | None = None, document_mask: Tensor | None = None) -> Tensor:
    """Late-interaction score `sum_i max_j <q_i, d_j>` of every query with every document (arXiv 2004.12832, eq. 3).

    Args:
        queries: `(Q, n, d)`. documents: `(N, m, d)`.
        query_mask: `(Q, n)`, documents' likewise `(N, m)`; non-zero where a token is scored. None: every token.

    Returns:
        `(Q, N)` scores; a document without a scored token has score -inf.

    Example:
        >>> maxsim(torch.eye(2)[None], torch.eye(2)[None, :1])
        tensor([[1.]])
    """
    similarity = torch.einsum("qnd,kmd->qknm", queries, documents)
    if document_mask is not None:
        similarity = similarity.masked_fill(~document_mask.bool()[None, :, None, :], -torch.inf)
    best = similarity.amax(-1)
    if query_mask is not None:
        best = best.masked_fill(~query_mask.bool()[:, None, :], 0.0)
    return best.sum(-1)


class OpticalPreTrainedModel(PreTrainedModel):
    """Backbone, projection without bias, L2 norm: a ColBERT encoder around any Hugging Face text encoder.

    `base_model_prefix` is the attribute that holds the encoder, so a plain encoder checkpoint loads into it.
    """

    config_class = OpticalConfig
    base_model_prefix = "backbone"
    _keys_to_ignore_on_load_unexpected = [r"backbone\.pooler\."]
    supports_gradient_checkpointing = True
    # what sentence-transformers hands to forward besides the tokens
    _layout_arguments: tuple[str, ...] = ()
    # No flash attention: it drops the positions that are not attended to, and expansion positions are scored.
    _supports_sdpa = True

    def __init__(self, config: OpticalConfig, backbone: PreTrainedModel | None = None) -> None:
        """With random weights, or around an encoder that is loaded already; only the projection is new then."""
        super().__init__(config)
        if config.backbone_config is None:
            raise ValueError(
                f"{type(config).__name__} has no backbone_config: build the model with from_encoder or from_pretrained."
            )
        self.backbone = AutoModel.from_config(config.backbone_config) if backbone is None else backbone
        if getattr(self.backbone, "pooler", None) is not None:
            # takes no part in a token embedding, and weights without a gradient stall distributed training
            self.backbone.pooler = None
        limit = position_limit(self.backbone)
        for name in ("query_length", "document_length"):
            if limit is not None and getattr(config, name) > limit:
                raise ValueError(f"{name} {getattr(config, name)} is more than the {limit} tokens that the encoder can take.")
        self.linear = nn.Linear(config.hidden_size, config.embedding_dim, bias=False)
        self._processor: OpticalProcessor | None = None
        # where the checkpoint is, and the arguments that say so
        self._source: tuple[str, dict[str, Any]] | None = None
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if module is getattr(self, "linear", None):
            # orthogonal rows keep the backbone's angles as well as a random projection can
            init.orthogonal_(module.weight)
        else:
            super()._init_weights(module)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """As `PreTrainedModel.from_pretrained`; the tokenizer is loaded from the same place when it is first needed.

        Raises:
            ValueError: the checkpoint is of another architecture, lacks weights of this model, or they are damaged or pickled.
        """
        path = str(pretrained_model_name_or_path)
        source = {k: kwargs[k] for k in _SOURCE_ARGUMENTS if kwargs.get(k) is not None}
        wants_info = kwargs.pop("output_loading_info", False)
        advice = f"A plain encoder is turned into one by {cls.__name__}.from_encoder, a ColBERT checkpoint by from_colbert."
        try:
            if not isinstance(kwargs.get("config"), PreTrainedConfig):
                found = PreTrainedConfig.get_config_dict(kwargs.get("config") or path, **source)[0].get("model_type")
                if found != cls.config_class.model_type:
                    raise ValueError(f"{path}: model type {found or 'not known'}, expected {cls.config_class.model_type}. {advice}")
            with quiet_loading():
                model, info = super().from_pretrained(
                    pretrained_model_name_or_path,
                    *args,
                    **kwargs | {"output_loading_info": True, "use_safetensors": True, "ignore_mismatched_sizes": True},
                )
        except SafetensorError as error:
            raise ValueError(f"{path}: the weights are damaged or cut off ({error}): copy or train them again.") from None
        except OSError as error:
            if not Path(path).is_dir():
                raise
            reason = str(error).split("\n")[0]
            raise ValueError(
                f"{path} has no model that can be loaded (config.json, model.safetensors; pickled weights are not taken): {reason}"
            ) from None
        missing, surplus = missing_weights(info), sorted(info["unexpected_keys"])
        if missing or surplus:
            raise ValueError(
                f"{path}: its weights are not those of its config.json: {len(missing)} are missing or of another shape "
                f"{missing[:2]}, {len(surplus)} have no place {surplus[:2]}. {advice}"
            )
        model._source = (path, source)
        return (model, info) if wants_info else model

    def with_tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> Any:
        """Take the tokenizer over, with markers added to it and to the embeddings where they are missing."""
        add_markers(tokenizer, self.config)
        if len(tokenizer) > self.config.vocab_size:
            self.resize_token_embeddings(len(tokenizer), mean_resizing=False)
            for config in (self.config.backbone_config, self.backbone.config):
                config.vocab_size = self.get_input_embeddings().weight.shape[0]
        self.tokenizer = tokenizer
        return self

    def get_input_embeddings(self) -> nn.Module:
        return self.backbone.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.backbone.set_input_embeddings(value)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, scoring_mask: Tensor | None = None, **kwargs: Any
    ) -> OpticalOutput:
        """Encode token ids.

        Args:
            input_ids: `(B, L)` int64.
            attention_mask: `(B, L)`, what the encoder attends to; default all.
            scoring_mask: `(B, L)`, which positions are scored; default the attention mask.
            return_dict: asked for by sentence-transformers and PyLate, whose first output is the encoder's (`EncoderOutput`).
        """
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        scoring_mask = attention_mask if scoring_mask is None else scoring_mask
        kind = EncoderOutput if kwargs.pop("return_dict", None) else OpticalOutput
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **kwargs).last_hidden_state
        # normalised in float32: half precision would leave lengths up to a few thousandths off one
        embeddings = nn.functional.normalize(self.linear(hidden.to(self.linear.weight.dtype)).float(), dim=-1)
        return kind(embeddings * scoring_mask.unsqueeze(-1), hidden, scoring_mask)

    @property
    def processor(self) -> OpticalProcessor:
        """Tokenizer and settings, as input of `forward`. Raises ValueError if no tokenizer was saved with the model."""
        if self._processor is None:
            if self._source is None:
                raise ValueError("this model was built without a tokenizer: set model.tokenizer.")
            source, kwargs = self._source
            try:
                # with its config at hand, or transformers asks for leave to run the remote code a second time
                self.tokenizer = AutoTokenizer.from_pretrained(source, config=self.config, **kwargs)
            except (OSError, ValueError) as error:
                raise ValueError(f"no usable tokenizer beside the weights in {source}: set model.tokenizer.") from error
        return self._processor

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        return self.processor.tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._processor = OpticalProcessor(tokenizer, self.config)

    def save_pretrained(self, save_directory: str | Path, *args: Any, **kwargs: Any) -> None:
        """As its base, and beside it the tokenizer and what sentence-transformers and PyLate need to load the folder too."""
        if kwargs.pop("push_to_hub", False):
            # the base would push before the tokenizer is there
            repo = kwargs.pop("repo_id", None) or Path(save_directory).name
            options = {name: kwargs.pop(name) for name in _PUSH_ARGUMENTS if name in kwargs}
            self.save_pretrained(save_directory, *args, **kwargs)
            self.push_to_hub(repo, **options)
            return
        complete = kwargs.get("is_main_process", True) and (self._processor or self._source)
        tokenizer = self.tokenizer if complete else None  # found missing before anything is written
        # sharded training gathers the weights there; the base empties it
        linear = (kwargs.get("state_dict") or {}).get("linear.weight", self.linear.weight)
        super().save_pretrained(save_directory, *args, **kwargs)
        if tokenizer is not None:
            tokenizer.save_pretrained(save_directory)
            save_layout(save_directory, linear, self.processor, self._layout_arguments)
            self._source = (str(save_directory), {})

    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of the weights, rounded to bfloat16: loaded in float32 or bfloat16, it is the same."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().to("cpu", torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())
        return digest.hexdigest()[:16]

    def encode_query(self, texts: Sequence[str], *, batch_size: int = 32, show_progress_bar: bool | None = None) -> list[Tensor]:
        """Token embeddings of queries.

        Args:
            texts: queries.
            batch_size: texts of like length encoded at a time.
            show_progress_bar: default: for more than 1,000 texts.

        Returns:
            For each text a `(tokens, embedding_dim)` float32 tensor on the CPU; `query_length` tokens with expansion.

        Raises:
            TypeError: `texts` is one string, or holds something that is no string.
        """
        processor = self.processor
        length = self.config.query_length
        ids = processor.token_ids(texts, processor.query_marker, length)
        return encode_texts(self, ids, processor.pad_queries, batch_size, show_progress_bar, "queries")

    def encode_document(self, texts: Sequence[str], *, batch_size: int = 32, show_progress_bar: bool | None = None) -> list[Tensor]:
        """Token embeddings of documents, without the positions of skiplist words; otherwise as `encode_query`."""
        processor = self.processor
        ids = processor.token_ids(texts, processor.document_marker, self.config.document_length)
        return encode_texts(self, ids, processor.pad_documents, batch_size, show_progress_bar, "documents")
