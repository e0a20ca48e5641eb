"""Tokens a second of a training step on this machine: dropout or none, passages encoded in one group or in several.

    python benchmarks/training_speed.py --encoder ENCODER
    LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4 python benchmarks/training_speed.py --encoder ENCODER

The passages are random token ids whose lengths are spread as those of the suite's passages are (median 122 tokens, a tenth above
246; here cut at 256); a step is forward and backward in bfloat16. Tokens are those of the passages, without padding.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from hf_optical.models import OpticalTeacherModel
from hf_optical.training.base_trainer import set_dropout
from hf_optical.training.teacher_trainer import encode_in_groups


def passages(count: int, seed: int) -> dict[str, torch.Tensor]:
    """A batch of `count` passages of random words, lengths log-normal."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.exp(torch.randn(count, generator=generator) * 0.6 + 4.8).clamp(8, 256).long()
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
    ids = torch.randint(1000, 20000, mask.shape, generator=generator) * mask
    return {"input_ids": ids, "attention_mask": mask, "scoring_mask": mask}


def tokens_a_second(model: OpticalTeacherModel, batch: dict[str, torch.Tensor], groups: int, steps: int) -> float:
    """Median over the steps; the first one is not counted."""
    took = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = encode_in_groups(model, batch, groups).sum()
        loss.backward()
        model.zero_grad()
        took.append(time.perf_counter() - start)
    return int(batch["attention_mask"].sum()) / statistics.median(took[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", required=True, help="An encoder's folder or Hub name.")
    parser.add_argument("--passages", type=int, default=48, help="Passages of a step.")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    batch = passages(args.passages, args.seed)
    print("| dropout | groups | tokens a second |\n|---|---|---|")
    for dropout in (None, 0.0):
        model = OpticalTeacherModel.from_encoder(args.encoder, document_length=256).train()
        if dropout is not None:
            set_dropout(model, dropout)
        for groups in (1, 6):
            speed = tokens_a_second(model, batch, groups, args.steps)
            print(f"| {'as the encoder has it' if dropout is None else 'none'} | {groups} | {speed:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
