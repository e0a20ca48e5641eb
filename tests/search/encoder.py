"""A teacher whose embeddings are given."""

import copy

import torch

from hf_optical.search import DiskIndex


class Encoder:
    """A teacher whose documents are given: text -> `(tokens, d)`."""

    name_or_path = "org/teacher"

    def __init__(self, teacher, embeddings, dim=3, fingerprint="0123456789abcdef"):
        self.embeddings, self.processor, self.encoded = embeddings, teacher.processor, []
        self.config = copy.copy(teacher.config)
        self.config.embedding_dim = dim
        self._fingerprint = fingerprint

    def fingerprint(self):
        return self._fingerprint

    def encode_document(self, texts, **_):
        self.encoded += texts
        return [self.embeddings[text] for text in texts]


def unit(lengths, dim=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.functional.normalize(torch.randn(n, dim, generator=generator), dim=-1) for n in lengths]


def names(documents):
    return [f"d{i}" for i in range(len(documents))]


def built(folder, encoder, count=6, **settings):
    documents = unit([3] * count, dim=3)
    teacher, texts = encoder(documents)
    return DiskIndex.build(folder, teacher, names(documents), texts, show_progress_bar=False, **settings), teacher, texts
