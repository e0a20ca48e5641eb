"""The Trainer of `train_translator`."""

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import DataCollatorForSeq2Seq, PreTrainedTokenizerBase, Seq2SeqTrainer, Seq2SeqTrainingArguments
from transformers.trainer_callback import PrinterCallback

from ..training.base_trainer import LateInteractionTrainer


class TranslationTrainer(LateInteractionTrainer, Seq2SeqTrainer):
    """`Seq2SeqTrainer` with checkpoints that are whole or not there, and an order that a resumed run sees again.

    Args:
        model: a sequence-to-sequence model.
        tokenizer: pads the batches.
        args: with `label_smoothing_factor` 0, since `label_smoothing` says it.
        train_dataset: columns `input_ids`, `labels` and `length`, by which batches are grouped.
        label_smoothing: share of the target probability that is spread over the vocabulary (Szegedy et al., CVPR 2016).
    """

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        args: Seq2SeqTrainingArguments,
        train_dataset: Dataset,
        label_smoothing: float,
    ) -> None:
        # The Trainer's own label smoothing gives the same value in several passes over (tokens, vocabulary).
        def loss(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
            logits = outputs["logits"].flatten(0, 1).float()
            total = cross_entropy(logits, labels.flatten(), label_smoothing=label_smoothing, reduction="sum")
            return total / ((labels != -100).sum() if num_items_in_batch is None else num_items_in_batch)

        super().__init__(
            model=model,
            args=args,
            train_dataset=train_dataset,
            processing_class=tokenizer,
            data_collator=DataCollatorForSeq2Seq(tokenizer, model),
            compute_loss_func=loss,
        )
        self.remove_callback(PrinterCallback)  # without a progress bar the Trainer would print its log
