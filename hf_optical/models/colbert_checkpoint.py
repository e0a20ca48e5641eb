"""Read ColBERT checkpoints of other libraries: sentence-transformers `MultiVectorEncoder`, PyLate, Stanford ColBERT."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .loading_optical import load_encoder, position_limit, read_json, read_matrix

# Everything a checkpoint of these layouts holds, and no pickled weights.
_PATTERNS = [
    "*.json",
    "*.safetensors",
    "*.txt",
    "*.model",
    "artifact.metadata",
    "*/*.json",
    "*/*.safetensors",
    "*/*.txt",
    "*/*.model",
]
_PUNCTUATION = list(string.punctuation)
# Any of these in config_sentence_transformers.json: a PyLate checkpoint, whose queries are expanded unless it says otherwise.
_PYLATE_FIELDS = {
    "query_length",
    "document_length",
    "do_query_expansion",
    "attend_to_expansion_tokens",
    "attend_to_mask_tokens",
    "query_prefix",
    "document_prefix",
    "skiplist_words",
}


@dataclass
class ColbertCheckpoint:
    """Parts of a checkpoint: `linear` is the `(embedding_dim, hidden_size)` projection, `settings` fields of `OpticalConfig`."""

    backbone: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    linear: Tensor
    settings: dict[str, Any]


def read_colbert(path_or_repo: str, *, revision: str | None = None) -> ColbertCheckpoint:
    """Read a checkpoint from a folder or the Hub, as sentence-transformers 6 reads it.

    Raises:
        ValueError: the folder has none of the known layouts, has weights as a pickle only, damaged or missing ones, or something
            that a late-interaction teacher has no place for.
    """
    folder = Path(path_or_repo)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(str(path_or_repo), revision=revision, allow_patterns=_PATTERNS))
        except (OSError, ValueError) as error:
            reason = str(error).split("\n")[0]
            raise ValueError(f"{path_or_repo} is neither a folder nor a repository that could be read: {reason}") from None
    if (folder / "modules.json").is_file():
        return _read_modules(folder)
    config = read_json(folder / "config.json")
    if "HF_ColBERT" in (config.get("architectures") or []):
        return _read_stanford(folder)
    raise ValueError(
        f"{path_or_repo} is no ColBERT checkpoint: it has neither modules.json (sentence-transformers, PyLate) nor "
        "the architecture HF_ColBERT (Stanford). A plain encoder is turned into a teacher by OpticalTeacherModel.from_encoder."
    )


def _read_modules(folder: Path) -> ColbertCheckpoint:
    first, *modules = _module_list(folder)
    st = read_json(folder / "config_sentence_transformers.json", optional=True)
    pylate = st.get("model_type") == "ColBERT" or "query_prefix" in st or "document_prefix" in st
    encoder = folder / first["path"]
    transformer = read_json(encoder / "sentence_bert_config.json", optional=True)
    backbone, tokenizer = load_encoder(encoder)
    linear = torch.eye(backbone.config.hidden_size)
    # PyLate masks and normalises without saying so; else only what modules.json lists is done
    skiplist = st.get("skiplist_words", _PUNCTUATION) if pylate else None
    normalized = False
    for module in modules:
        kind = module["type"].rsplit(".", 1)[-1]
        if kind == "Dense" and not normalized:
            linear = _dense(folder / module["path"], linear)
        elif kind == "MultiVectorMask":
            skiplist = _mask_settings(folder / module["path"])
        elif kind == "Normalize":
            normalized = True
        else:
            raise ValueError(
                f"{folder}: a late-interaction teacher has no place for module {module['path']!r} ({module['type']}) where it is."
            )
    settings = _lengths(st, transformer, backbone, tokenizer)
    if not pylate and not normalized:
        raise ValueError(f"{folder}: modules.json has no Normalize, but embeddings of a late-interaction teacher have length 1.")
    if settings["do_query_expansion"] and skiplist is None:
        raise ValueError(f"{folder}: query_expansion without a MultiVectorMask: expansion tokens would not be scored.")
    if transformer.get("do_lower_case") and tokenizer.tokenize("A") != tokenizer.tokenize("a"):
        raise ValueError(f"{encoder}/sentence_bert_config.json: do_lower_case, but the tokenizer is cased: save one that is not.")
    if transformer.get("transformer_task", "feature-extraction") != "feature-extraction" or transformer.get("processing_kwargs"):
        raise ValueError(f"{encoder}/sentence_bert_config.json: a task or processing_kwargs of its own, which are not known here.")
    settings["skiplist_words"] = list(skiplist or [])
    return ColbertCheckpoint(backbone, tokenizer, linear, settings | _prefixes(st, tokenizer, pylate))


def _module_list(folder: Path) -> list[dict[str, Any]]:
    modules = read_json(folder / "modules.json", kind=list)
    if not modules or not all(isinstance(m, dict) and {"idx", "path", "type"} <= m.keys() for m in modules):
        raise ValueError(f"{folder}/modules.json: expected a list of modules, each with idx, path and type.")
    modules.sort(key=lambda module: module["idx"])
    if not modules[0]["type"].endswith("Transformer"):
        raise ValueError(f"{folder}/modules.json: the first module is a {modules[0]['type']}, not a Transformer.")
    return modules


def _lengths(
    st: dict[str, Any], transformer: dict[str, Any], backbone: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """Lengths and expansion: fields of the Transformer module, else of PyLate's `config_sentence_transformers.json`."""
    known = {k: st[k] for k in ("query_length", "document_length") if st.get(k) is not None}
    if "query_expansion" in st:
        known["query_expansion"] = st["query_expansion"]
    elif not _PYLATE_FIELDS.isdisjoint(st):
        attend = bool(st.get("attend_to_expansion_tokens", st.get("attend_to_mask_tokens")))
        fixed = {"strategy": "fixed", "attend": attend, "length": known.get("query_length") or 32}
        known["query_expansion"] = None if st.get("do_query_expansion") is False else fixed
    known |= transformer
    expansion = known.get("query_expansion") or {}
    if expansion.get("strategy", "fixed") != "fixed" or expansion.get("token") not in (None, tokenizer.mask_token):
        raise ValueError(f"query_expansion {expansion}: only the strategy 'fixed' with the mask token is known here.")
    positions = getattr(backbone.config, "max_position_embeddings", None) or tokenizer.model_max_length
    limit = known.get("max_seq_length") or min(tokenizer.model_max_length, positions)
    return {
        "query_length": expansion.get("length") or known.get("query_length") or limit,
        "document_length": known.get("document_length") or limit,
        "do_query_expansion": bool(expansion),
        "attend_to_expansion_tokens": bool(expansion.get("attend", False)),
    }


def _prefixes(st: dict[str, Any], tokenizer: PreTrainedTokenizerBase, pylate: bool) -> dict[str, Any]:
    """Prefixes: marker tokens where the tokenizer knows them, else text (sentence-transformers prepends prompts as text)."""
    prompts = {f"{side}_prefix": (st.get("prompts") or {}).get(side) or "" for side in ("query", "document")}
    if pylate:  # the prefix, then whatever the prompt has more
        own = {name: st.get(name) or "" for name in prompts}
        prompts = {name: own[name] + prompts[name].removeprefix(own[name]) for name in prompts}
    found = {name: _marker_token(prompt, tokenizer, pylate) for name, prompt in prompts.items() if prompt}
    if found and None not in found.values():
        return prompts | found
    added = set(tokenizer.get_added_vocab().values())
    for name, prompt in prompts.items():
        if not added.isdisjoint(tokenizer(prompt, add_special_tokens=False)["input_ids"]):
            raise ValueError(f"{name} {prompt!r} is neither one marker token nor plain text, or the other one is of another kind.")
    return prompts | {"prefixes_are_text": bool(found)}


def _marker_token(prompt: str, tokenizer: PreTrainedTokenizerBase, pylate: bool) -> str | None:
    """The one token that stands for a prompt, if there is one that acts as if it were inserted behind `[CLS]`."""
    vocabulary = tokenizer.get_vocab() if pylate else tokenizer.get_added_vocab()
    token = next((t for t in (prompt, prompt.strip()) if t in vocabulary), None)
    if token is None or pylate:  # PyLate inserts the id whatever the tokenizer makes of the text
        return token
    bare, whole = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("Maji ni nini?", prompt + "Maji ni nini?"))
    return token if whole == [vocabulary[token], *bare] else None


def _read_stanford(folder: Path) -> ColbertCheckpoint:
    backbone, tokenizer = load_encoder(folder)
    meta = read_json(folder / "artifact.metadata", optional=True)
    settings = {
        "query_prefix": meta.get("query_token_id") or "[unused0]",
        "document_prefix": meta.get("doc_token_id") or "[unused1]",
        "query_length": meta.get("query_maxlen") or 32,
        "document_length": meta.get("doc_maxlen") or _longest(backbone, tokenizer),
        "do_query_expansion": True,
        "attend_to_expansion_tokens": bool(meta.get("attend_to_mask_tokens")),
        "skiplist_words": _PUNCTUATION if meta.get("mask_punctuation", True) else [],
    }
    for marker in (settings["query_prefix"], settings["document_prefix"]):
        if marker not in tokenizer.get_vocab():
            raise ValueError(f"{folder}: the marker {marker} of artifact.metadata is not in the tokenizer's vocabulary.")
    linear = read_matrix(folder, "linear.weight", backbone.config.hidden_size)
    return ColbertCheckpoint(backbone, tokenizer, linear, settings)


def _longest(backbone: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens that both take; a tokenizer that states no limit has an absurd one."""
    return min(tokenizer.model_max_length, position_limit(backbone) or tokenizer.model_max_length)


def _dense(folder: Path, before: Tensor) -> Tensor:
    """The projection so far, followed by that of a Dense module."""
    config = read_json(folder / "config.json")
    activation = str(config.get("activation_function") or nn.Identity.__name__).rsplit(".", 1)[-1]
    if config.get("bias") or activation != nn.Identity.__name__ or config.get("use_residual"):
        raise ValueError(
            f"{folder}/config.json: bias, activation {activation} or a residual; only a bias-free linear layer is known here."
        )
    return read_matrix(folder, "linear.weight", len(before)) @ before


def _mask_settings(folder: Path) -> list[str]:
    config = read_json(folder / "config.json", optional=True)
    if config.get("keep_only_token_ids") or config.get("skiplist_tasks") not in (None, "document", ["document"]):
        raise ValueError(f"{folder}/config.json: only a skiplist for documents is known here, not {config}.")
    return list(config.get("skiplist_words") or [])
