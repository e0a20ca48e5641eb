"""Distils a frozen English teacher into a student query encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..losses import DistillationLoss, DistillationOutput
from ..models import OpticalOutput, maxsim
from ..ranking_losses import in_batch_loss, own_scores, ranking_distillation
from .arguments import OpticalTrainingArguments
from .base_trainer import LateInteractionTrainer, check_evaluation
from .bitext_examples import idf_weights, mask_ids, tokenize_bitext
from .collators import BitextCollator
from .embedding_cache import EmbeddingCache

if TYPE_CHECKING:
    from datasets import Dataset

    from ..models import OpticalStudentModel, OpticalTeacherModel


class OpticalTrainer(LateInteractionTrainer):
    """Optimal-transport distillation from sentence pairs (arXiv 2301.12566).

    The teacher is frozen, in eval mode, and in no optimizer and no checkpoint. With `args.teacher_cache` its embeddings are
    computed once and only the student runs in training.

    Args:
        model: the student.
        teacher: the English teacher.
        args: see `OpticalTrainingArguments`.
        train_dataset, eval_dataset: bitext with columns `english`, `non_english`; with a ranking loss also `documents`, a list of
            row numbers of passages (may be empty), the relevant one first for `ranking="contrastive"`.
        retrieval_evaluator: student -> metrics such as `{"recall@10": 0.5}`; called at every evaluation, so that
            `metric_for_best_model="eval_recall@10"` picks the checkpoint that retrieves best.
        loss: overrides the loss that `args` describe.
        passages: the teacher's embeddings of the passages that the examples' `documents` number, for a ranking loss.

    Raises:
        TypeError: the bitext is streamed (an IterableDataset).
        ValueError: the student's embedding_dim differs from the teacher's; no pair fits into the length; max_length is given
            together with expansion; evaluation is asked for, but there is nothing to evaluate on; a ranking loss without
            documents.

    Example:
        >>> OpticalTrainer(student, teacher, args, train_dataset=bitext).train()  # doctest: +SKIP
    """

    def __init__(
        self,
        model: OpticalStudentModel,
        teacher: OpticalTeacherModel,
        args: OpticalTrainingArguments,
        train_dataset: Dataset,
        eval_dataset: Dataset | None = None,
        retrieval_evaluator: Callable[[OpticalStudentModel], dict[str, float]] | None = None,
        loss: DistillationLoss | None = None,
        passages: EmbeddingCache | None = None,
        **kwargs: Any,
    ) -> None:
        check_evaluation(args, eval_dataset, retrieval_evaluator)
        if model.config.embedding_dim != teacher.config.embedding_dim:
            raise ValueError(
                f"the student's embedding_dim is {model.config.embedding_dim}, the teacher's {teacher.config.embedding_dim}: "
                "they must be equal, for the student searches the teacher's documents."
            )
        expand = model.config.do_query_expansion if args.expand is None else args.expand
        if expand and args.max_length is not None:
            raise ValueError(
                f"max_length {args.max_length} has no effect with expansion, which makes both sides as long as a query: leave it "
                "out, or set expand false."
            )

        if args.ranking != "none" and (passages is None or "documents" not in train_dataset.column_names):
            raise ValueError(f"ranking {args.ranking} needs passages, and a column `documents` in the training data.")

        def tokenize(data: Dataset) -> Dataset:
            return tokenize_bitext(data, model, teacher, max_length=args.max_length, too_long=args.too_long)

        examples = tokenize(train_dataset)
        held_out = examples.select([]) if eval_dataset is None else tokenize(eval_dataset)
        self.passages = passages if args.ranking != "none" else None
        self.collator = BitextCollator(model.processor, teacher.processor, expand, passages=self.passages)
        super().__init__(
            model=model,
            args=args,
            train_dataset=examples,
            eval_dataset=held_out,
            data_collator=self.collator,
            processing_class=model.tokenizer,
            retrieval_evaluator=retrieval_evaluator,
            **kwargs,
        )
        self.loss = loss or args.build_loss()
        # frozen, and prepared for evaluation only: not wrapped for gradients, not in the optimizer, not in a checkpoint
        self.teacher = self.accelerator.prepare_model(teacher.requires_grad_(False).eval(), evaluation_mode=True)
        self._weights = self._idf(examples, expand) if args.marginals == "idf" else None
        self._statistics: dict[str, tuple[Tensor, int]] = {}  # name -> sum, number of steps
        self._empty_pairs = 0
        # a loss on labelled passages alone has no use for the teacher's queries
        self.needs_teacher = self.loss is not None or args.ranking == "kl"
        self.train_caches = self._build_caches(examples, expand) if args.teacher_cache and self.needs_teacher else None

    def _build_caches(self, examples: Dataset, expand: bool) -> dict[str, EmbeddingCache]:
        """The teacher's embeddings of the training sentences, for each form that they take."""
        rows: dict[str, list[list[int]]] = {}
        for form, ids in zip(examples["form"][:], examples["teacher_ids"][:], strict=True):
            rows.setdefault(form, []).append(ids)
        with self.compute_loss_context_manager():  # in the precision of the training
            return {
                form: EmbeddingCache.build(
                    self.args.teacher_cache,
                    self.accelerator.unwrap_model(self.teacher),
                    ids,
                    expand=expand and form == "query",
                    side=form,
                    process_index=self.accelerator.process_index,
                    num_processes=self.accelerator.num_processes,
                    wait=self.accelerator.wait_for_everyone,
                )
                for form, ids in sorted(rows.items())
            }

    def _idf(self, examples: Dataset, expand: bool) -> dict[str, Tensor]:
        weights = {}
        for side, processor in (("student", self.collator.student), ("teacher", self.collator.teacher)):
            ids = examples[f"{side}_ids"][:]
            weights[side] = idf_weights(ids, processor.config.vocab_size, mask_ids(processor, expand)).to(self.args.device)
        return weights

    def get_train_dataloader(self) -> torch.utils.data.DataLoader:
        # the caches belong to the training pairs alone
        self.data_collator = dataclasses.replace(self.collator, caches=self.train_caches)
        loader = super().get_train_dataloader()
        self.data_collator = self.collator
        return loader

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor | tuple[Tensor, DistillationOutput]:
        """`loss = <P*, C>_F`, `P* = argmin_{P in U(a, b)} <P, C>_F`, `C_ij = 1 - <S_i, T_j>` (arXiv 2301.12566, eq. 4-6)."""
        S = model(**inputs["student"])  # embeddings (B, n, d) of the non-English sentences
        T = self.embed_english(inputs["teacher"])  # embeddings (B, m, d) of the English ones, constant
        a, b = self.token_weights(inputs)  # marginals (B, n), (B, m) before normalisation; None: uniform
        output = self.distillation(S, T, a, b)
        if "documents" in inputs:
            output = self.add_ranking(output, S, T, inputs["documents"])
        self._record(model, output)
        return (output.loss, output) if return_outputs else output.loss

    @torch.no_grad()
    def embed_english(self, inputs: dict[str, Tensor]) -> OpticalOutput | None:
        """The teacher's embeddings: from the cache where the batch brings them, else by running the teacher, if they are needed."""
        if not self.needs_teacher:
            return None
        if "embeddings" in inputs:
            return OpticalOutput(embeddings=inputs["embeddings"], scoring_mask=inputs["scoring_mask"])
        return self.teacher(**inputs)

    def distillation(self, S: OpticalOutput, T: OpticalOutput | None, a: Tensor | None, b: Tensor | None) -> DistillationOutput:
        """The loss between the sentences; zero where passages alone teach."""
        if self.loss is None:
            per_pair = S.embeddings.new_zeros(len(S.embeddings))
            return DistillationOutput(per_pair.mean(), per_pair, per_pair.bool())
        self.loss.progress = self.state.global_step / max(self.state.max_steps, 1)
        return self.loss(S.embeddings, T.embeddings, S.scoring_mask, T.scoring_mask, a, b)

    def add_ranking(
        self, output: DistillationOutput, S: OpticalOutput, T: OpticalOutput | None, documents: dict[str, Tensor]
    ) -> DistillationOutput:
        """Adds the loss on passages: the teacher's ranking of them as the target, or the relevant one against all of the batch."""
        rows, (embeddings, mask) = documents["rows"], (documents["embeddings"], documents["mask"])
        queries, query_mask = S.embeddings[rows].float(), S.scoring_mask[rows]
        temperature = self.args.ranking_temperature
        if self.args.ranking == "kl":
            targets = own_scores(T.embeddings[rows].float(), embeddings, T.scoring_mask[rows], mask)
            ranking = ranking_distillation(own_scores(queries, embeddings, query_mask, mask), targets, temperature)
        else:
            scores = maxsim(queries, embeddings.flatten(0, 1), query_mask, mask.flatten(0, 1))
            scores = scores / query_mask.sum(-1, keepdim=True).clamp_min(1)
            ranking = in_batch_loss(scores / temperature, documents["ids"].view(-1, 1))
        statistics = output.statistics | {"ranking": ranking.detach()}
        loss = output.loss + self.args.ranking_weight * ranking * len(rows) / len(S.embeddings)
        return dataclasses.replace(output, loss=loss, statistics=statistics)

    def token_weights(self, inputs: dict[str, Any]) -> tuple[Tensor | None, Tensor | None]:
        """`(B, n)` and `(B, m)` weights of the tokens, None for uniform marginals."""
        if self._weights is None:
            return None, None
        return self._weights["student"][inputs["student"]["input_ids"]], self._weights["teacher"][inputs["teacher"]["input_ids"]]

    def _record(self, model: nn.Module, output: DistillationOutput) -> None:
        if model.training:
            self._empty_pairs += int(output.empty.sum())
            for name, value in output.statistics.items():  # a batch without documents has no ranking
                total, steps = self._statistics.get(name, (0.0, 0))
                self._statistics[name] = total + value.detach(), steps + 1

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds the solver's statistics since the last line, and the number of empty pairs so far."""
        if "loss" in logs:
            logs |= {name: (total / steps).item() for name, (total, steps) in self._statistics.items()}
            self._statistics = {}
            if self._empty_pairs:
                logs["empty_pairs"] = self._empty_pairs
        super().log(logs, start_time)
