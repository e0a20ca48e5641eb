"""What is made from the texts of an index, and made again when its documents are others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .disk_index import DiskIndex
from .exact_index import ExactIndex

Made = TypeVar("Made")


class FromTexts(Generic[Made]):
    """Something made from the texts of an index, in step with it.

    Args:
        index: in memory or in a folder.
        make: makes it from the index.
        made: it, if it is made already.

    Raises:
        ValueError: the index is on a server, and so are the texts.
    """

    def __init__(self, index: ExactIndex | DiskIndex, make: Callable[[Any], Made], made: Made | None = None) -> None:
        check_texts(index)
        self._index, self._make = index, make
        self._made = make(index) if made is None else made
        self._state = self._now()

    def get(self) -> Made:
        """It, made again if documents were added or deleted since."""
        if (state := self._now()) is not self._state:
            self._made, self._state = self._make(self._index), state
        return self._made

    def _now(self) -> object:
        """Another object once the documents may be others: those in memory stay as they are."""
        return self._index.manifest if isinstance(self._index, DiskIndex) else None


def check_texts(index: Any) -> None:
    """Raise ValueError unless the texts of an index are here."""
    if not isinstance(index, (DiskIndex, ExactIndex)):
        raise ValueError(
            "BM25 and spelling variants need the texts, and those of this index are on its server: build an index in a folder with "
            "`optical index PASSAGES --teacher T --output FOLDER`, or search without them (a lexical weight of 0)."
        )
