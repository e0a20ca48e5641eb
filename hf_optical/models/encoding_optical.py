"""Encode many texts: batches of like length, longest first, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers.utils import logging as hf_logging

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# A CPU encodes so many tokens at a time: what a layer makes of them stays in cache, and is not asked of the system anew each time.
_TOKENS_ON_CPU = 1024
# Below this many texts a progress bar is gone before it can be read.
_PROGRESS_FROM = 1000


@torch.no_grad()  # not inference_mode: its tensors could not take part in a loss later
def encode_texts(
    model: PreTrainedModel,
    ids: Sequence[Sequence[int]],
    pad: Callable[[Sequence[Sequence[int]]], dict[str, Tensor]],
    batch_size: int,
    show_progress_bar: bool | None,
    noun: str,
) -> list[Tensor]:
    """Token embeddings of tokenised texts, in the order given.

    Args:
        model: a late-interaction model; left in the mode (train or eval) it was in.
        ids: token ids of each text.
        pad: turns a batch of ids into input of `model.forward` with a `scoring_mask`.
        batch_size: texts at a time, at most: a CPU takes fewer of them where they are long.
        show_progress_bar: None: for more than 1,000 texts.
        noun: what the texts are, for the progress bar.

    Returns:
        Scored embeddings of each text: `(tokens, embedding_dim)` float32, CPU.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
    show = len(ids) > _PROGRESS_FROM if show_progress_bar is None else show_progress_bar
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))  # longest first: memory runs out at once or never
    result: list[Tensor | None] = [None] * len(ids)
    was_training = model.training
    model.eval()
    try:
        with hf_logging.tqdm(total=len(ids), desc=f"encoding {noun}", unit="text", disable=not show) as progress:
            start = 0
            while start < len(order):
                fitting = _TOKENS_ON_CPU // max(1, len(ids[order[start]])) if model.device.type == "cpu" else batch_size
                chosen = order[start : start + max(1, min(batch_size, fitting))]
                start += len(chosen)
                batch = pad([ids[i] for i in chosen])
                output = model(**{k: v.to(model.device) for k, v in batch.items()}).embeddings.float().cpu()
                for i, embeddings, mask in zip(chosen, output, batch["scoring_mask"].bool(), strict=True):
                    result[i] = embeddings[mask]
                progress.update(len(chosen))
    finally:
        model.train(was_training)
    return result
