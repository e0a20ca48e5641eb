"""Searches beside the event loop, those that wait together."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ..search.index_error import IndexFormatError
from ..search.lexical_side import fusion_depth
from .problem import Problem


class Hits(Protocol):
    """What the service needs of a Searcher."""

    index: Any
    languages: list[str]
    lexical: Any
    lexical_weight: float
    variants: Any

    def student(self, language: str | None = None) -> Any: ...

    def search(self, queries: Sequence[str], k: int, **options: Any) -> list[list[Any]]: ...

    def respell(self, queries: Sequence[str], *, language: str | None = None) -> list[Any]: ...


@dataclass(eq=False)
class Search:
    """A question on its way. Questions of one `kind` can be searched together."""

    query: str
    k: int
    language: str | None
    filter: dict[str, Any] | None
    matches: bool
    lexical_weight: float
    variants: bool
    answer: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def kind(self) -> str:
        # what is joined with BM25 depends on how many are asked for, where these are many
        joined = [self.lexical_weight, fusion_depth(self.k)] if self.lexical_weight else None
        return json.dumps([self.language, self.filter, self.matches, joined, self.variants], sort_keys=True)


class Found(NamedTuple):
    """What a question found: passages, best first, and the spelling variants `(word, variant)` that were asked for."""

    hits: list[Any]
    variants: tuple[tuple[str, str], ...] = ()


class Batcher:
    """One thread searches; what comes in meanwhile waits, and is then searched together. Nothing waits for company.

    A batch takes one pass over the index for all its questions, and one run of the encoder.

    Args:
        searcher: not used by two threads at a time.
        max_waiting: questions that wait or are searched; one more is refused with 503.
        max_batch: questions in a batch.
        batched: called with the size of each batch.
    """

    def __init__(
        self, searcher: Hits, *, max_waiting: int, max_batch: int, batched: Callable[[int], None] = lambda size: None
    ) -> None:
        self._searcher, self._max_waiting, self._max_batch, self._batched = searcher, max_waiting, max_batch, batched
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._waiting: list[Search] = []
        self._came: asyncio.Event | None = None
        self._worker: asyncio.Task | None = None
        self.running = 0

    async def start(self) -> None:
        self._came = asyncio.Event()
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """When every request has been answered."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        await asyncio.to_thread(self._thread.shutdown)

    async def search(self, search: Search, timeout: float) -> Found:
        """What it found. Raises Problem: too many searches (503), too slow (504); ValueError of the searcher."""
        if self.running >= self._max_waiting:
            raise Problem(503, f"{self.running} searches are under way already: try again in a second.", retry_after=1)
        self.running += 1
        try:
            self._waiting.append(search)
            self._came.set()
            return await asyncio.wait_for(search.answer, timeout)
        except TimeoutError:
            raise Problem(
                504, f"the search took longer than {timeout:g} seconds: try again when there is less to do.", retry_after=5
            ) from None
        finally:
            self.running -= 1
            if search in self._waiting:  # given up before its turn
                self._waiting.remove(search)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._came.wait()
            batch = self._next()
            if not batch:
                self._came.clear()
                continue
            self._batched(len(batch))
            for search, found in zip(batch, await loop.run_in_executor(self._thread, self._search, batch), strict=True):
                if search.answer.done():  # given up
                    continue
                if isinstance(found, Exception):
                    search.answer.set_exception(found)
                else:
                    search.answer.set_result(found._replace(hits=found.hits[: search.k]))

    def _next(self) -> list[Search]:
        """The first that waits, and those after it that can go with it."""
        if not self._waiting:
            return []
        kind = self._waiting[0].kind
        batch = [search for search in self._waiting if search.kind == kind][: self._max_batch]
        taken = {id(search) for search in batch}
        self._waiting = [search for search in self._waiting if id(search) not in taken]
        return batch

    def _search(self, batch: Sequence[Search]) -> list[Found | Exception]:
        first, k = batch[0], max(search.k for search in batch)
        names = ("language", "filter", "matches", "lexical_weight", "variants")
        options = {name: getattr(first, name) for name in names}
        queries = [search.query for search in batch]
        try:
            hits = self._searcher.search(queries, k, **options)
            # asked for here, in the thread of the searches: a tokenizer is not to be used by two at a time
            respelt = self._searcher.respell(queries, language=first.language) if first.variants else []
            variants = [respelling.variants for respelling in respelt] or [()] * len(batch)
            return [Found(*found) for found in zip(hits, variants, strict=True)]
        except Exception as error:
            # one question must not fail the others; that an engine does not answer, or an index is gone, fails them all
            if len(batch) == 1 or isinstance(error, (OSError, IndexFormatError)):
                return [error] * len(batch)
            return [self._search([search])[0] for search in batch]
