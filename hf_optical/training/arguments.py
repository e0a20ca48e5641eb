"""Training arguments of teacher and student: `TrainingArguments` with defaults that suit them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from transformers import TrainingArguments
from transformers.utils import is_torch_xla_available

from ..losses import AnnealedOpticalLoss, ContrastiveOpticalLoss, DistillationLoss, GreedyLoss, OpticalLoss
from ..sentence_losses import SentenceAddedLoss, SentenceMSELoss
from ..transport import exact, ipot, sinkhorn

LOSSES = ("optical", "greedy", "mse", "none")
RANKINGS = ("none", "kl", "contrastive")
SOLVERS = ("sinkhorn", "ipot", "exact")
MARGINALS = ("uniform", "idf")
TOO_LONG = ("drop", "truncate")


@dataclass
class _LateInteractionArguments(TrainingArguments):
    """Defaults shared by teacher and student."""

    output_dir: str = field(default="runs/model", metadata={"help": "Folder of checkpoints and of the finished model."})
    learning_rate: float = field(default=1e-4, metadata={"help": "Peak learning rate."})
    warmup_steps: float = field(default=0.1, metadata={"help": "Warm-up: a number of steps, or below 1 a share of all steps."})
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of AdamW."})
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Examples a step on each device."})
    dropout: float | None = field(
        default=None,
        metadata={"help": "Dropout in training, of every layer that can have some; default: as in the encoder's configuration."},
    )
    logging_steps: float = field(default=20, metadata={"help": "Steps between two lines of the log."})
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints to keep."})
    save_strategy: str = field(default="steps", metadata={"help": "When to write a checkpoint: no, steps, epoch, best."})
    train_sampling_strategy: str = field(
        default="group_by_length", metadata={"help": "Order of the examples: random, sequential, group_by_length."}
    )
    remove_unused_columns: bool = field(default=False, metadata={"help": "Must stay false: the collators choose the columns."})

    def __post_init__(self) -> None:
        if self.bf16 and not torch.accelerator.is_available() and not is_torch_xla_available():
            # bfloat16 on the CPU is fine, but transformers wants to be told that the CPU is meant
            self.use_cpu = True
        super().__post_init__()
        if self.remove_unused_columns:
            raise ValueError("remove_unused_columns must be false: the columns are token ids that the collator needs.")
        _check_numbers(self, positive=("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"))
        _check_numbers(self, not_negative=("learning_rate", "num_train_epochs", "weight_decay", "dropout"))
        if self.dropout is not None and self.dropout >= 1:
            raise ValueError(f"dropout must be below 1, got {self.dropout}.")


def _check_numbers(args: TrainingArguments, positive: Sequence[str] = (), not_negative: Sequence[str] = ()) -> None:
    """Raise ValueError, naming the argument, for one out of range; None is in range, NaN is not."""
    for name in positive:
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, got {value}.")
    for name in not_negative:
        value = getattr(args, name)
        if value is not None and not value >= 0:
            raise ValueError(f"{name} must not be negative, got {value}.")


@dataclass
class TeacherTrainingArguments(_LateInteractionArguments):
    """Arguments of `TeacherTrainer`; all of `TrainingArguments` besides.

    Example:
        >>> TeacherTrainingArguments(output_dir="runs/teacher", use_cpu=True).negatives
        1
    """

    negatives: int = field(default=1, metadata={"help": "Given hard negatives used with each query, besides the in-batch ones."})
    temperature: float = field(default=1.0, metadata={"help": "The scores are divided by it."})
    max_document_length: int | None = field(
        default=None, metadata={"help": "Tokens of a document in training, where that is less than the teacher's document length."}
    )
    document_groups: int = field(
        default=1, metadata={"help": "Encode the documents of a batch in so many groups of like length: less padding."}
    )
    kd_weight: float = field(
        default=1.0, metadata={"help": "Weight of the KL divergence to given scores, where the examples have them."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = ("temperature", "max_document_length", "document_groups")
        _check_numbers(self, positive, not_negative=("negatives", "kd_weight"))


@dataclass
class OpticalTrainingArguments(_LateInteractionArguments):
    """Arguments of `OpticalTrainer`; all of `TrainingArguments` besides.

    Example:
        >>> OpticalTrainingArguments(output_dir="runs/optical-sw", loss="greedy", use_cpu=True).build_loss()
        GreedyLoss()
    """

    loss: str = field(
        default="optical",
        metadata={"help": "optical (transport), greedy (DR.DECR), mse (sentence level) or none.", "choices": LOSSES},
    )
    solver: str = field(default="sinkhorn", metadata={"help": "Transport solver.", "choices": SOLVERS})
    epsilon: float = field(default=0.05, metadata={"help": "sinkhorn: weight of the entropy; smaller is sharper."})
    epsilon_start: float | None = field(
        default=None, metadata={"help": "sinkhorn: epsilon at the first step, from which it falls to epsilon at the last."}
    )
    beta: float = field(default=0.5, metadata={"help": "ipot: proximal step."})
    max_iterations: int | None = field(default=None, metadata={"help": "Iterations of the solver (sinkhorn: 100, ipot: 50)."})
    tolerance: float = field(default=1e-3, metadata={"help": "sinkhorn: marginal error at which a problem stops."})
    contrastive_weight: float = field(
        default=0.0, metadata={"help": "optical: weight of InfoNCE over transport costs to other sentences of the batch."}
    )
    contrastive_negatives: int = field(default=4, metadata={"help": "Other sentences of the batch for each pair."})
    contrastive_temperature: float = field(default=0.05, metadata={"help": "Temperature of it, in units of the cost."})
    sentence_weight: float = field(
        default=0.0, metadata={"help": "optical, greedy: weight of the sentence loss (mse), which is added."}
    )
    ranking: str = field(
        default="none",
        metadata={
            "help": "Loss on passages: kl (the teacher's ranking is the target) or contrastive (the first is relevant).",
            "choices": RANKINGS,
        },
    )
    ranking_weight: float = field(default=1.0, metadata={"help": "Weight of the loss on passages."})
    ranking_temperature: float = field(
        default=0.02, metadata={"help": "Temperature of it, in units of the mean similarity of a query token."}
    )
    differentiate_plan: bool = field(default=False, metadata={"help": "sinkhorn: gradients through the plan, too."})
    marginals: str = field(default="uniform", metadata={"help": "Mass of a token: uniform or idf.", "choices": MARGINALS})
    expand: bool | None = field(
        default=None,
        metadata={"help": "Fill both sides with [MASK] to the query length, as in the paper; default: as the student's queries."},
    )
    max_length: int | None = field(
        default=None, metadata={"help": "Tokens a side without expansion; default: the query length of each model."}
    )
    too_long: str = field(
        default="drop", metadata={"help": "Pairs beyond that length: drop (counted) or truncate.", "choices": TOO_LONG}
    )
    teacher_cache: str | None = field(
        default=None, metadata={"help": "Folder for the teacher's embeddings of the bitext: computed once, then read from there."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        choices = {"loss": LOSSES, "solver": SOLVERS, "marginals": MARGINALS, "too_long": TOO_LONG, "ranking": RANKINGS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}.")
        positive = ("epsilon", "epsilon_start", "beta", "max_iterations", "max_length", "contrastive_negatives")
        temperatures = ("contrastive_temperature", "ranking_temperature")
        _check_numbers(self, (*positive, *temperatures), ("tolerance", "contrastive_weight", "sentence_weight", "ranking_weight"))
        if self.loss == "none" and self.ranking == "none":
            raise ValueError("loss none needs a ranking loss: give ranking kl or contrastive.")
        if self.epsilon_start is not None and self.loss == "optical" and self.solver != "sinkhorn":
            raise ValueError(f"epsilon_start needs the solver sinkhorn, got {self.solver}.")
        if self.contrastive_weight and self.loss != "optical":
            raise ValueError(f"contrastive_weight needs the loss optical, got {self.loss}.")
        if self.sentence_weight and self.loss not in ("optical", "greedy"):
            raise ValueError(f"sentence_weight needs the loss optical or greedy, got {self.loss}.")

    def build_loss(self) -> DistillationLoss | None:
        """The loss between sentences that these arguments describe; None for `none`."""
        if self.loss == "none":
            return None
        if self.loss == "mse":
            return SentenceMSELoss()
        loss: DistillationLoss = GreedyLoss() if self.loss == "greedy" else self._transport()
        if self.contrastive_weight:
            loss = ContrastiveOpticalLoss(loss, self.contrastive_weight, self.contrastive_negatives, self.contrastive_temperature)
        return SentenceAddedLoss(loss, self.sentence_weight) if self.sentence_weight else loss

    def _transport(self) -> OpticalLoss:
        limit = {} if self.max_iterations is None else {"max_iterations": self.max_iterations}
        if self.solver == "exact":
            return OpticalLoss(exact)
        if self.solver == "ipot":
            return OpticalLoss(partial(ipot, beta=self.beta, **limit))
        solver = partial(sinkhorn, tolerance=self.tolerance, differentiate_plan=self.differentiate_plan, **limit)
        if self.epsilon_start is not None:
            return AnnealedOpticalLoss(self.epsilon_start, self.epsilon, solver)
        return OpticalLoss(partial(solver, epsilon=self.epsilon))
