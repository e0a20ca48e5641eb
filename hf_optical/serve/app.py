"""The service: FastAPI in front of a Searcher."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from .. import __version__
from ..search.engine_error import EngineError
from ..search.index_error import IndexFormatError
from .batcher import Batcher, Hits, Search
from .gate import PATHS, Gate
from .metrics import CONTENT_TYPE, Metrics
from .problem import Problem
from .schemas import ErrorBody, Health, SearchRequest, SearchResponse
from .settings import ServeSettings

logger = logging.getLogger(__name__)

# The number of passages is asked for again after so many seconds: with an engine it is a request of its own.
_SIZE_LASTS = 5.0
_ERRORS = {
    400: "the body is not JSON",
    408: "the request did not come whole",
    409: "the index is empty",
    413: "the request is too long",
    415: "the body is not announced as JSON",
    422: "a value is missing, unknown or out of range",
    503: "too many searches, or the index cannot be reached; see Retry-After",
    504: "the search took too long",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description} for status, description in _ERRORS.items()
}


def create_app(searcher: Hits, settings: ServeSettings | None = None) -> Any:
    """An ASGI application: POST and GET `/search`, `/healthz`, `/metrics`, `/openapi.json`.

    Args:
        searcher: students and an index; used by one thread at a time.
        settings: its limits.

    Example:
        >>> app = create_app(Searcher.from_pretrained({"sw": "runs/sw"}, index="passages"))  # doctest: +SKIP
        >>> uvicorn.run(app)  # doctest: +SKIP
    """
    return Service(searcher, settings or ServeSettings()).app()


class Service:
    """State of the service, and its end points."""

    def __init__(self, searcher: Hits, settings: ServeSettings) -> None:
        self._searcher, self._settings, self._metrics = searcher, settings, Metrics()
        self._batcher = Batcher(
            searcher, max_waiting=settings.max_concurrency, max_batch=settings.max_batch, batched=self._metrics.batched
        )
        self._size, self._size_known_until = 0, 0.0

    def app(self) -> Any:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            await self._batcher.start()
            yield
            await self._batcher.stop()

        # the pages of the documentation load scripts from elsewhere: only the schema itself is served
        app = FastAPI(title="hf_optical search", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
        app.post("/search", response_model=SearchResponse, responses=_RESPONSES)(self.search)
        app.get("/search", response_model=SearchResponse, responses=_RESPONSES)(self.search_by_address)
        app.get("/healthz", response_model=Health, responses={503: _RESPONSES[503]})(self.healthz)
        app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})(self.metrics)
        app.exception_handler(Problem)(_problem)
        app.exception_handler(RequestValidationError)(_invalid)
        app.exception_handler(HTTPException)(_http)
        app.exception_handler(Exception)(_unexpected)
        app.add_middleware(Gate, settings=self._settings, metrics=self._metrics)
        return app

    async def search(self, request: SearchRequest) -> Any:
        """The best passages for a question."""
        self._check(request)
        weight = self._searcher.lexical_weight if request.lexical_weight is None else request.lexical_weight
        variants = self._searcher.variants is not None if request.spelling_variants is None else request.spelling_variants
        search = Search(request.query, request.k, request.language, request.filter, request.matches, weight, variants)
        try:
            found = await self._batcher.search(search, self._settings.timeout)
            if not found.hits and not await self._passages():
                raise Problem(409, "the index holds no passages: add some with `optical index`, and start the service again.")
        except IndexFormatError as error:  # a ValueError, but the asker cannot mend it: the index has vanished or is damaged
            raise _internal(error) from error
        except ValueError as error:  # a filter that this index cannot have, a language: told by the searcher
            raise Problem(422, _one_line(error)) from None
        except Exception as error:
            raise _internal(error) from error
        hits = [hit.to_dict() | ({} if request.matches else {"matches": None}) for hit in found.hits]
        respelt = [{"word": word, "variant": variant} for word, variant in found.variants]
        asked = {name: getattr(request, name) for name in ("query", "language", "k")}
        return asked | {"lexical_weight": weight, "spelling_variants": respelt, "hits": hits}

    async def search_by_address(
        self,
        query: Annotated[str, Query(description="the question", examples=["mahindi huhifadhiwaje?"])],
        k: Annotated[int, Query(description="how many passages", examples=[3])] = 10,
        language: Annotated[str | None, Query(description="of the question, or name of a student", examples=["sw"])] = None,
        filter: Annotated[str | None, Query(description="of the metadata, in JSON", examples=['{"country": "KE"}'])] = None,
        matches: Annotated[bool, Query(description="also tell which words matched")] = False,
        lexical_weight: Annotated[float | None, Query(description="of BM25, from 0 to 10", examples=[0.5])] = None,
        spelling_variants: Annotated[bool | None, Query(description="ask for unknown words as they are spelt in English")] = None,
    ) -> Any:
        """The same, in the address."""
        try:
            wanted = json.loads(filter) if filter else None
        except (ValueError, RecursionError):
            raise Problem(422, 'filter is not JSON: write it as {"name": "value"}, percent-encoded.') from None
        values = {"query": query, "k": k, "language": language, "filter": wanted, "matches": matches}
        values |= {"lexical_weight": lexical_weight, "spelling_variants": spelling_variants}
        try:
            request = SearchRequest.model_validate(values)
        except ValueError as error:
            raise RequestValidationError([entry | {"loc": ("query", *entry["loc"])} for entry in error.errors()]) from None
        return await self.search(request)

    async def healthz(self) -> Any:
        """Whether the index answers."""
        return {"status": "ok", "passages": await self._passages(), "languages": self._searcher.languages}

    async def metrics(self) -> Response:
        """For Prometheus."""
        try:
            passages = await self._passages()
        except Problem:  # the other numbers are wanted most when the index does not answer
            passages = -1
        text = self._metrics.text(passages=passages, searches=self._batcher.running)
        return Response(text, media_type=CONTENT_TYPE)

    def _check(self, request: SearchRequest) -> None:
        """Raise Problem for what the schema does not know of."""
        limits = self._settings
        if not request.query.strip():
            raise Problem(422, "query is empty: write a question.")
        if len(request.query) > limits.max_query_length:
            raise Problem(422, f"query has {len(request.query):,} characters: {limits.max_query_length:,} at most, shorten it.")
        if not 1 <= request.k <= limits.max_k:
            shown = str(request.k) if abs(request.k) < 10**18 else "a number of many digits"
            raise Problem(422, f"k must be from 1 to {limits.max_k}, got {shown}.")
        if request.lexical_weight and self._searcher.lexical is None:
            raise Problem(422, "this service has no BM25: leave lexical_weight out; its operator starts it with --lexical_weight.")
        if request.spelling_variants and self._searcher.variants is None:
            fix = "leave spelling_variants out; its operator starts it with --spelling_variants."
            raise Problem(422, f"this service has no spelling variants: {fix}")
        values = sum(len(value) if isinstance(value, list) else 1 for value in (request.filter or {}).values())
        if values > limits.max_filter_values:
            raise Problem(422, f"filter has {values:,} values: {limits.max_filter_values} at most.")
        texts = json.dumps([request.query, request.language, request.filter], ensure_ascii=False)
        if any("\ud800" <= character <= "\udfff" for character in texts):
            raise Problem(422, "the text holds half of a surrogate pair (\\ud800 to \\udfff): send it as UTF-8.")
        try:
            self._searcher.student(request.language)
        except ValueError as error:
            raise Problem(422, _one_line(error)) from None

    async def _passages(self) -> int:
        if time.monotonic() > self._size_known_until:
            try:
                # not in the thread of the searches, which may be busy for long
                self._size = await asyncio.to_thread(len, self._searcher.index)
            except Exception as error:
                raise _internal(error) from error
            self._size_known_until = time.monotonic() + _SIZE_LASTS
        return self._size


def _internal(error: Exception) -> Problem:
    """For the client, without what is inside; the log has it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, (EngineError, IndexFormatError)):
        logger.error("%s", _one_line(error))
        what = "search engine" if isinstance(error, EngineError) else "index"
        return Problem(503, f"the {what} behind this service does not answer: try again later.", retry_after=5)
    logger.error("a search failed", exc_info=error)
    return Problem(500, "the search failed: try again, and tell the operator, whose log has the reason.")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


async def _problem(request: Request, problem: Problem) -> Response:
    return problem.response()


async def _unexpected(request: Request, error: Exception) -> Response:
    return _internal(error).response()


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    """The first thing that is wrong, by its name."""
    found = error.errors()[0]
    name = str(found["loc"][1]) if len(found["loc"]) > 1 else "the body"
    if found["type"] == "json_invalid":
        reason = found.get("ctx", {}).get("error", "it does not parse")
        return Problem(400, f'the body is not JSON ({reason}): send {{"query": "...", "k": 10}}.').response()
    if found["type"] == "missing":
        return Problem(422, f'{name} is missing: send {{"query": "...", "k": 10}}.').response()
    if found["type"] == "extra_forbidden":
        known = ", ".join(SearchRequest.model_fields)
        return Problem(422, f"{name[:100]!r} is unknown: a search has {known}.").response()
    return Problem(422, f"{name[:100]}: {_one_line(Exception(found['msg']))}; see /openapi.json.").response()


async def _http(request: Request, error: HTTPException) -> Response:
    messages = {
        400: 'the body is not JSON: send {"query": "...", "k": 10} in UTF-8.',
        404: f"there is nothing at this address: there are {', '.join(PATHS)}.",
        405: "this address does not take this method: POST or GET for /search, GET for the others.",
    }
    response = JSONResponse({"error": messages.get(error.status_code, "the request cannot be answered.")}, error.status_code)
    response.headers.update(error.headers or {})
    return response
