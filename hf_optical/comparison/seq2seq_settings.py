"""The settings that a sequence-to-sequence translator takes, read from the signatures of the functions that use them."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

# Arguments of `train_translator` that the run sets itself.
_OWN = ("pairs", "folder", "language", "seed", "resume", "show_progress_bar")


def seq2seq_options(*, trained: bool) -> dict[str, type]:
    """The settings of a translator that is trained here, or of one that is loaded by name, and their types."""
    from ..translation import Seq2SeqTranslator, train_translator

    if trained:
        hints = get_type_hints(train_translator)
        return {name: _plain_type(hints.get(name)) for name in inspect.signature(train_translator).parameters if name not in _OWN}
    parameters = inspect.signature(Seq2SeqTranslator).parameters
    numbers = {name: int for name, entry in parameters.items() if isinstance(entry.default, int)}
    return {"model": str, "revision": str, "source_language": str} | numbers


def _plain_type(hint: Any) -> type:
    """The type of a value: of `int | None`, int."""
    kinds = (hint, *getattr(hint, "__args__", ()))
    return next((kind for kind in (bool, int, float) if kind in kinds), str)
