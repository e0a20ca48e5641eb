"""Load encoders, matrices and settings from checkpoint folders; what is wrong with a folder is said in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as hf_logging

# Weights that take no part in a token embedding: checkpoints may lack them.
_UNUSED = ("pooler", "position_ids")


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Leave out the table of missing and unexpected weights that transformers logs: the caller checks them itself."""
    verbosity = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    try:
        yield
    finally:
        hf_logging.set_verbosity(verbosity)


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """No bars for reading and writing weights: they are done in seconds, and hide the log of the training."""
    shown = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            hf_logging.enable_progress_bar()


def missing_weights(info: dict[str, Any]) -> list[str]:
    """Of the loading info of `from_pretrained`: weights that were not in the checkpoint, or of another shape, and are used."""
    absent = {str(key) for key in info["missing_keys"]} | {str(key) for key, *_ in info["mismatched_keys"]}
    return sorted(key for key in absent if not any(part in key for part in _UNUSED))


def position_limit(encoder: nn.Module) -> int | None:
    """How many tokens an encoder with a table of positions can take; None: it has no such table."""
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa counts from behind the padding index
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return None


def hub_commit(repo: str, arguments: dict[str, Any]) -> str | None:
    """The commit that a repository of the Hub was loaded at, as the cache knows it; None if it was not loaded from there.

    Args:
        repo: `owner/name`.
        arguments: with which it was loaded: `revision`, `cache_dir`.
    """
    try:
        file = try_to_load_from_cache(repo, "config.json", cache_dir=arguments.get("cache_dir"), revision=arguments.get("revision"))
    except ValueError:  # no name of a repository
        return None
    return Path(file).parent.name if isinstance(file, str) else None


def load_encoder(
    encoder: str | Path, tokenizer: PreTrainedTokenizerBase | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Encoder (float32) and tokenizer, from a folder or the Hub.

    `AutoModel` finds the encoder in checkpoints with a head too (masked language models, most of those on the Hub).

    Raises:
        ValueError: encoder or tokenizer is not there, or a weight is missing, of another shape, damaged or pickled.
    """
    if Path(encoder).is_dir() and not list(Path(encoder).glob("*.safetensors")):
        raise ValueError(f"{encoder} has no safetensors weights; pickled ones are not taken: convert the checkpoint first.")
    try:
        with quiet_loading():
            backbone, info = AutoModel.from_pretrained(
                encoder, use_safetensors=True, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True
            )
        tokenizer = tokenizer or AutoTokenizer.from_pretrained(encoder)
    except SafetensorError as error:
        raise ValueError(f"{encoder}: the weights are damaged or cut off ({error}): copy them again.") from None
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{encoder} has no encoder and tokenizer that can be loaded: {reason}") from None
    if missing := missing_weights(info):
        raise ValueError(f"{encoder}: {len(missing)} weights of the encoder are missing or of another shape {missing[:2]}.")
    if backbone.config.model_type.startswith("optical_"):
        raise ValueError(f"{encoder} is a late-interaction model already: load it with from_pretrained.")
    return backbone, tokenizer


def read_matrix(folder: Path, name: str, columns: int) -> Tensor:
    """The matrix `(any, columns)` of this name in the folder's safetensors, float32. Raises ValueError where there is none."""
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as weights:
                tensor = weights.get_tensor(name).float() if name in weights.keys() else None  # noqa: SIM118 (safe_open is no dict)
        except SafetensorError as error:
            raise ValueError(f"{file} is damaged or cut off ({error}): copy it again.") from None
        if tensor is None:
            continue
        if tensor.dim() != 2 or tensor.shape[1] != columns:
            raise ValueError(f"{file}: {name} has shape {tuple(tensor.shape)}, expected (any, {columns}).")
        return tensor
    raise ValueError(f"{folder} has no {name} in a safetensors file; pickled ones are not taken: convert the checkpoint first.")


def read_json(file: Path, optional: bool = False, kind: type = dict) -> Any:
    """The object (or array) in a JSON file; {} where an optional one is absent. Raises ValueError otherwise."""
    if optional and not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{file} is missing: is the checkpoint complete?") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}: line {error.lineno}: {error.msg}.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: byte {error.start}: not UTF-8.") from None
    if not isinstance(content, kind):
        raise ValueError(f"{file}: expected a JSON {'object' if kind is dict else 'array'}.")
    return content
