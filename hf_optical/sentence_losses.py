"""Distillation of whole sentences, alone or beside the alignment of tokens."""

from __future__ import annotations

from torch import Tensor

from .losses import DistillationLoss


class SentenceMSELoss(DistillationLoss):
    """Squared distance of the mean-pooled embeddings: the sentence-level recipe of Reimers and Gurevych, arXiv 2004.09813, eq. 1.

    Pooled with the marginals as weights: uniform weights give the plain mean. As in `GreedyLoss`, MSE times `embedding_dim`.
    """

    def per_pair(self, student: Tensor, teacher: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        pooled_student, pooled_teacher = (a.unsqueeze(-1) * student).sum(1), (b.unsqueeze(-1) * teacher).sum(1)
        return (pooled_student - pooled_teacher).square().sum(-1), {}


class SentenceAddedLoss(DistillationLoss):
    """A loss on tokens plus the sentence loss: `L_tokens + weight * L_sentence`.

    Transport says which token stands for which; the sentence loss does not mind where in the sentence a meaning stands, as long as
    all of them together are the teacher's.

    Args:
        tokens: transport or greedy alignment.
        weight: of the sentence loss.

    Example:
        >>> import torch
        >>> from hf_optical.losses import OpticalLoss
        >>> s, ones = torch.nn.functional.normalize(torch.randn(2, 3, 4), dim=-1), torch.ones(2, 3)
        >>> tokens, both = OpticalLoss(), SentenceAddedLoss(OpticalLoss(), 0.5)
        >>> bool(both(s, s.flip(0), ones, ones).loss > tokens(s, s.flip(0), ones, ones).loss)
        True
    """

    def __init__(self, tokens: DistillationLoss, weight: float) -> None:
        super().__init__()
        self.tokens, self.weight = tokens, weight
        self.sentence = SentenceMSELoss()

    def per_pair(self, student: Tensor, teacher: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        self.tokens.progress = self.progress
        tokens, statistics = self.tokens.per_pair(student, teacher, a, b)
        sentence, _ = self.sentence.per_pair(student, teacher, a, b)
        return tokens + self.weight * sentence, statistics | {"sentence": sentence.detach().mean()}
