"""Fewer token embeddings for a document: tokens that say nearly the same become one."""

from __future__ import annotations

import torch
from torch import Tensor


def pool_tokens(embeddings: Tensor, factor: int, *, protected: int = 1) -> tuple[Tensor, Tensor]:
    """Hierarchical token pooling (arXiv 2409.14683): Ward's clusters, each replaced by its mean of length one.

    Between unit vectors the squared Euclidean distance is `2 (1 - cosine)`: the clusters are those of the cosine.

    Args:
        embeddings: `(tokens, d)` float32, unit vectors.
        factor: about how many tokens become one; 1 changes nothing.
        protected: so many tokens at the beginning ([CLS]) stay as they are.

    Returns:
        `(ceil((tokens - protected) / factor) + protected, d)` at most, clusters in the order of their first token; and for each
        the row of `embeddings` nearest to it, int64.

    Raises:
        ValueError: factor is below 1.

    Example:
        >>> x = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [0, 1], [0.1, 1], [1, 0.1], [1, 0]]), dim=1)
        >>> pooled, nearest = pool_tokens(x, 2)
        >>> pooled.shape, nearest.tolist()
        (torch.Size([3, 2]), [0, 1, 4])
    """
    if factor < 1:
        raise ValueError(f"the pooling factor must be at least 1, got {factor}.")
    rows = torch.arange(len(embeddings))
    free = embeddings[protected:]
    if factor == 1 or len(free) < 2:
        return embeddings, rows
    from scipy.cluster.hierarchy import fcluster, linkage

    labels = torch.as_tensor(fcluster(linkage(free.numpy(), method="ward"), -(-len(free) // factor), criterion="maxclust"))
    _, labels = labels.unique(return_inverse=True)
    first = torch.full((int(labels.max()) + 1,), len(free)).scatter_reduce(0, labels, torch.arange(len(free)), "amin")
    rank = first.argsort().argsort()
    labels = rank[labels]
    pooled = torch.zeros(len(first), free.shape[1]).index_add(0, labels, free)
    pooled = torch.nn.functional.normalize(pooled, dim=1)
    nearness = (free * pooled[labels]).sum(1)
    nearest = torch.stack([torch.where(labels == cluster, nearness, -torch.inf).argmax() for cluster in range(len(first))])
    return torch.cat([embeddings[:protected], pooled]), torch.cat([rows[:protected], nearest + protected])
