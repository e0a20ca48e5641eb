"""This process among those that `accelerate launch` or torchrun started."""

from __future__ import annotations

import os
from typing import Any


def shared_build() -> dict[str, Any]:
    """Number of this process, of all, and how to wait for them: arguments of `IndexWriter`; none where there is one process."""
    expected = int(os.environ.get("WORLD_SIZE", "1"))
    if expected == 1:
        return {}
    import torch
    from accelerate import PartialState

    # not told to use the CPU where there is nothing else, each process would take itself for the only one
    state = PartialState() if torch.cuda.is_available() else PartialState(cpu=True)
    if state.num_processes != expected:
        raise RuntimeError(
            f"{expected} processes were launched, but accelerate sees {state.num_processes}: launch them with torchrun."
        )
    return {"process_index": state.process_index, "num_processes": state.num_processes, "wait": state.wait_for_everyone}
