"""Side files with which sentence-transformers' `MultiVectorEncoder` and PyLate's `ColBERT` load a saved model too."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AddedToken, PreTrainedTokenizerBase
from transformers.utils import logging as hf_logging

from .processing_optical import OpticalProcessor

logger = hf_logging.get_logger(__name__)

_DENSE = "1_Dense"
_PROBE = "Maji ni nini, kwa 1,500?"


def save_layout(folder: str | Path, linear: Tensor, processor: OpticalProcessor, forward_arguments: Sequence[str] = ()) -> None:
    """Write the layout that PyLate 1.x and sentence-transformers 6 both read, beside a model that is saved already.

    Their pipeline: this model for its `last_hidden_state`, then `1_Dense` (the projection once more, a small file), then mask and
    L2 norm, which both libraries add by themselves. What they would encode otherwise than this model is logged. Two things they do
    with any model: a special token written in a text ("[MASK]") is one to them, and PyLate strips white space around texts.

    Args:
        folder: where config, weights and tokenizer are.
        linear: `(embedding_dim, hidden_size)` projection.
        processor: tokenizer and settings.
        forward_arguments: what else sentence-transformers should hand to `forward` (`task`: "query" or "document").
    """
    folder = Path(folder)
    (folder / _DENSE).mkdir(parents=True, exist_ok=True)
    _replace(folder / _DENSE / "model.safetensors", lambda file: save_file(_weights(linear), file, {"format": "pt"}))
    dense = {
        "in_features": linear.shape[1],
        "out_features": linear.shape[0],
        "bias": False,
        "activation_function": f"{nn.Identity.__module__}.{nn.Identity.__qualname__}",
        "use_residual": False,
    }
    modules: list[dict[str, Any]] = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": _DENSE, "type": "pylate.models.Dense.Dense"},
    ]
    if forward_arguments:
        modules[0]["kwargs"] = list(forward_arguments)
    _write_json(folder / _DENSE / "config.json", dense)
    longest = max(processor.config.query_length, processor.config.document_length)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})
    _write_json(folder / "config_sentence_transformers.json", late_interaction_settings(processor))
    _write_json(folder / "modules.json", modules)  # last: with it the folder is one of sentence-transformers
    for difference in loader_differences(processor):
        logger.warning_once(difference)


def late_interaction_settings(processor: OpticalProcessor) -> dict[str, Any]:
    """Content of `config_sentence_transformers.json`."""
    config, tokenizer = processor.config, processor.tokenizer
    prefixes = {"query": config.query_prefix, "document": config.document_prefix}
    as_text = config.prefixes_are_text
    return {
        "model_type": "ColBERT",
        # text goes into prompts: PyLate would take it for a token and add that to the vocabulary
        "prompts": prefixes if as_text else {},
        "default_prompt_name": None,
        "similarity_fn_name": "MaxSim",
        "query_prefix": "" if as_text else config.query_prefix,
        "document_prefix": "" if as_text else config.document_prefix,
        "query_length": config.query_length,
        "document_length": config.document_length,
        "attend_to_expansion_tokens": config.attend_to_expansion_tokens,
        # single tokens only: PyLate looks up every word, and one that is none would hide each [UNK] from scoring
        "skiplist_words": tokenizer.convert_ids_to_tokens(processor.skiplist_ids),
        "do_query_expansion": config.do_query_expansion,
    }


def loader_differences(processor: OpticalProcessor) -> list[str]:
    """Where sentence-transformers or PyLate would encode a text otherwise than this model: a sentence each, most often none."""
    config, tokenizer = processor.config, processor.tokenizer
    found = []
    if tokenizer.padding_side != "right":
        found.append("the tokenizer pads on the left: sentence-transformers and PyLate will, this model pads on the right.")
    if config.prefixes_are_text and (config.query_prefix or config.document_prefix):
        found.append("the prefixes are text: PyLate's encode puts them in only with prompt_name='query' or 'document'.")
    markers = {config.query_prefix: processor.query_marker, config.document_prefix: processor.document_marker}
    plain = tokenizer(_PROBE)["input_ids"]
    for prefix, marker in markers.items():
        if not isinstance(marker, int):
            continue
        (own,) = processor.token_ids([_PROBE], marker, len(plain) + 1)
        if [*plain[:1], marker, *plain[1:]] != own:
            found.append(f"PyLate puts the marker {prefix!r} behind the first token, which is not where this model has it.")
        if _with_prompt(tokenizer, prefix) != own:
            found.append(f"behind the marker {prefix!r} the tokenizer splits text otherwise: sentence-transformers will differ.")
    return found


def _with_prompt(tokenizer: PreTrainedTokenizerBase, prefix: str) -> list[int]:
    """Token ids of the probe as sentence-transformers makes them: the marker as text in front, registered as a special token."""
    if tokenizer.tokenize(prefix) != [prefix]:
        tokenizer = copy.deepcopy(tokenizer)
        marker = AddedToken(prefix, normalized=False, special=True)
        tokenizer.add_special_tokens({"additional_special_tokens": [marker]}, replace_extra_special_tokens=False)
    return tokenizer(prefix + _PROBE)["input_ids"]


def _weights(linear: Tensor) -> dict[str, Tensor]:
    return {"linear.weight": linear.detach().cpu().contiguous()}


def _write_json(file: Path, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    _replace(file, lambda partial: partial.write_text(text, encoding="utf-8"))


def _replace(file: Path, write: Callable[[Path], Any]) -> None:
    """Write beside and then put in place: a reader never sees half of it."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        write(partial)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
