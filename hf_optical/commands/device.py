"""The `--device` of the commands: tried before anything is loaded."""

from __future__ import annotations

from argparse import ArgumentTypeError


def device(text: str) -> str:
    """The name of a device that tensors can be on, here and now; argparse makes one line of its ArgumentTypeError."""
    import torch

    try:
        torch.empty(0, device=text)
        found = torch.device(text)
    except Exception as error:  # an AssertionError, a RuntimeError or an ImportError, by the device
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ArgumentTypeError(f"{text!r} cannot be used here ({lines[0][:80]}): give cpu, cuda, cuda:1 or mps") from None
    if found.type == "meta":
        raise ArgumentTypeError("'meta' holds no values: give cpu, cuda, cuda:1 or mps")
    return text
