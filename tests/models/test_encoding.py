"""How many texts a CPU encodes at a time."""

import pytest
import torch

from hf_optical.models import encoding_optical


@pytest.mark.parametrize(("tokens", "batch_size", "largest"), [(1, 32, 1), (40, 32, 40), (10**6, 3, 3), (10**6, 32, 9)])
def test_batches_hold_no_more_than_the_tokens_that_stay_in_cache(tiny_teacher, monkeypatch, tokens, batch_size, largest):
    texts = ["the lion sleeps", "maize", "", "water is dear in the dry season " * 5, *["the market is held on Saturday"] * 5]
    alone = [tiny_teacher.encode_document([text])[0] for text in texts]
    shapes, forward = [], tiny_teacher.forward
    monkeypatch.setattr(encoding_optical, "_TOKENS_ON_CPU", tokens)
    monkeypatch.setattr(tiny_teacher, "forward", lambda **batch: shapes.append(batch["input_ids"].shape) or forward(**batch))
    together = tiny_teacher.encode_document(texts, batch_size=batch_size)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(together, alone, strict=True))
    assert sum(rows for rows, _ in shapes) == len(texts)
    assert max(rows for rows, _ in shapes) <= min(batch_size, largest)
    assert all(rows == 1 or rows * length <= tokens for rows, length in shapes)
