"""What the service allows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServeSettings:
    """Limits of the service; beyond them a request is refused with what to do.

    Attributes:
        max_concurrency: searches at a time, waiting ones included; more are told to come back (503).
        timeout: seconds for a search, its waiting included (504), and for receiving a body (408).
        max_query_length: of a question, in characters.
        max_k: passages in an answer.
        max_body_bytes: of a request.
        max_batch: questions that wait are searched together, so many at a time; 1: each alone.
        max_filter_values: values in a filter.

    Raises:
        ValueError: a limit is not positive.
    """

    max_concurrency: int = 64
    timeout: float = 10.0
    max_query_length: int = 2048
    max_k: int = 100
    max_body_bytes: int = 65_536
    max_batch: int = 32
    max_filter_values: int = 256

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"{name} must be positive, got {value}.")
