"""Trains an English ColBERT teacher on (query, positive, negatives)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..models import maxsim
from ..ranking_losses import in_batch_loss, kd_loss
from .arguments import TeacherTrainingArguments
from .base_trainer import LateInteractionTrainer, check_evaluation
from .bitext_examples import check_in_memory
from .collators import RetrievalCollator

if TYPE_CHECKING:
    from datasets import Dataset

    from ..models import OpticalTeacherModel


class TeacherTrainer(LateInteractionTrainer):
    """Contrastive training with in-batch and given negatives (arXiv 2004.12832), and optionally distillation of given scores.

    Args:
        model: the teacher to train.
        args: see `TeacherTrainingArguments`.
        train_dataset, eval_dataset: columns `query`, `positive`, `negatives` (list), optionally `scores`: of a better ranker,
            one for the positive and one for each negative.
        retrieval_evaluator: teacher -> metrics such as `{"recall@10": 0.5}`, called at every evaluation.

    Raises:
        TypeError: the examples are streamed (an IterableDataset).
        ValueError: a column is missing; evaluation is asked for, but there is nothing to evaluate on.
    """

    def __init__(
        self,
        model: OpticalTeacherModel,
        args: TeacherTrainingArguments,
        train_dataset: Dataset,
        eval_dataset: Dataset | None = None,
        retrieval_evaluator: Callable[[OpticalTeacherModel], dict[str, float]] | None = None,
        **kwargs: Any,
    ) -> None:
        check_evaluation(args, eval_dataset, retrieval_evaluator)
        examples = _with_length(train_dataset)
        super().__init__(
            model=model,
            args=args,
            train_dataset=examples,
            eval_dataset=examples.select([]) if eval_dataset is None else _with_length(eval_dataset),
            data_collator=RetrievalCollator(model.processor, args.negatives, args.max_document_length),
            processing_class=model.tokenizer,
            retrieval_evaluator=retrieval_evaluator,
            **kwargs,
        )

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Cross-entropy of each query's positive among all documents of the batch, plus KL to the given scores."""
        queries = model(**inputs["query"])
        documents = encode_in_groups(model, inputs["document"], self.args.document_groups)
        scores = maxsim(
            queries.embeddings.float(), documents.float(), queries.scoring_mask, inputs["document"]["scoring_mask"]
        )  # (B, B * (1 + k))
        scores = scores / self.args.temperature
        loss = in_batch_loss(scores, inputs["document"]["input_ids"])
        if "scores" in inputs and self.args.kd_weight:
            loss = loss + self.args.kd_weight * kd_loss(scores, inputs["scores"] / self.args.temperature)
        return (loss, scores) if return_outputs else loss


def encode_in_groups(model: nn.Module, batch: dict[str, Tensor], groups: int) -> Tensor:
    """Embeddings of a batch whose rows are encoded in groups of like length, each padded only to its own longest row.

    Passages of a batch differ much in length: in one group most of the work is spent on padding.

    Args:
        batch: input of the model, padded on the right: `input_ids`, `attention_mask`, `scoring_mask`, each `(N, L)`.
        groups: so many (one a row at most), of equal size but for one row.

    Returns:
        `(N, L, d)`, rows as in the batch, zero where nothing is scored.
    """
    if groups == 1:
        return model(**batch).embeddings
    rows, longest = batch["input_ids"].shape
    lengths = batch["attention_mask"].sum(-1)
    order = lengths.argsort(stable=True)
    encoded = []
    for own in order.tensor_split(min(groups, rows)):  # as many on every device
        width = max(1, int(lengths[own].max()))
        embeddings = model(**{name: value[own, :width] for name, value in batch.items()}).embeddings
        encoded.append(nn.functional.pad(embeddings, (0, 0, 0, longest - width)))
    return torch.cat(encoded)[order.argsort()]


def _with_length(dataset: Dataset) -> Dataset:
    """Column `length`, characters of the positive: batches of like length cost less padding."""
    check_in_memory(dataset, ("query", "positive", "negatives"))
    lengths = [len(text) for text in dataset["positive"]]
    return dataset.remove_columns([c for c in ("length",) if c in dataset.column_names]).add_column("length", lengths)
