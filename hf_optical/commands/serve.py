"""`optical serve`: search over HTTP."""

from __future__ import annotations

import logging
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..recipes.options import CommandParser, add_lexical_weight, add_spelling_variants, positive
from .device import device
from .output import quiet_stdout

if TYPE_CHECKING:
    from ..search import Searcher

logger = logging.getLogger(__name__)

_DESCRIPTION = """Search over HTTP: one index, a student for every language.

  optical serve INDEX --student sw=S --student ha=S2
  optical serve http://QDRANT:6333/COLLECTION --student sw=S      an index on a Qdrant cluster

  curl localhost:8000/search -H 'Content-Type: application/json' -d '{"query": "swali", "k": 3, "language": "sw"}'

Also /healthz, /metrics (Prometheus) and /openapi.json. There is no encryption and no login: put a proxy in front of it before it is
reached from elsewhere. It shows the index as it was when it started."""


def run(argv: list[str]) -> None:
    """Run the command until it is told to stop. Raises ValueError or OSError, with one line, for whatever is in the way."""
    options = _parser().parse_args(argv)
    students = named_students(options.student)
    if missing := [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]:
        raise ValueError(f"{' and '.join(missing)} not installed: pip install 'hf_optical[serve]'")

    from ..models.pretrained import load_model
    from ..search import Searcher
    from ..search.lexical_side import lexical_index
    from ..search.opening import open_index
    from ..search.spelling_variants import spelling_variants
    from ..serve import ServeSettings, create_app
    from ..serve.server import serve

    settings = ServeSettings(
        max_concurrency=options.max_concurrency,
        timeout=options.timeout,
        max_query_length=options.max_query_length,
        max_k=options.max_k,
        max_body_bytes=max(65_536, 16 * options.max_query_length),
        max_batch=options.max_batch,
    )
    with quiet_stdout():
        index = open_index(options.index, device=options.device)
        loaded = {name: load_model(student).to(options.device or "cpu") for name, student in students.items()}
        lexical = lexical_index(index) if options.lexical_weight else None
        variants = spelling_variants(index) if options.spelling_variants else None
        searcher = Searcher(loaded, index, lexical=lexical, lexical_weight=options.lexical_weight, variants=variants)
        _warm_up(searcher)
        logger.info("%s passages; languages: %s", f"{len(index):,}", ", ".join(searcher.languages))
        serve(create_app(searcher, settings), options.host, options.port, grace=2 * settings.timeout)


def named_students(entries: list[str]) -> dict[str, str]:
    """Name to folder or Hub name. Without a name, the last part of it: clients see names, and paths are none of their business."""
    students: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name or not value:
            name, value = Path(entry).name, entry
        if name in students:
            raise ValueError(f"--student {entry!r}: there is a student named {name!r} already; write OTHER_NAME={value}")
        students[name] = value
    return students


def _parser() -> CommandParser:
    parser = CommandParser(prog="optical serve", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("index", help="folder of an index, http(s)://HOST:6333/COLLECTION, or qdrant+path:FOLDER")
    parser.add_argument(
        "--student",
        action="append",
        required=True,
        metavar="[NAME=]S",
        help="student, or teacher for English: a folder or Hub name, with the name that requests give as language; may be repeated",
    )
    add_lexical_weight(
        parser,
        "join BM25 of the question as it is typed, which finds names and numbers, with this weight beside the student's 1; a "
        "request may set its own, or 0; 0.5 is what was measured (default: 0, none for any request)",
    )
    add_spelling_variants(
        parser,
        "ask for words that a student does not know as they are spelt in English, too, such as Tanzaniya as Tanzania; a request "
        "may do without",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=_port, default=8000, help="0: any free one (default: 8000)")
    parser.add_argument("--max-concurrency", type=positive, default=64, help="searches at a time; more get 503 (default: 64)")
    parser.add_argument("--timeout", type=_seconds, default=10.0, help="seconds for a search; then 504 (default: 10)")
    parser.add_argument("--max-query-length", type=positive, default=2048, help="characters of a question (default: 2048)")
    parser.add_argument("--max-k", type=positive, default=100, help="passages in an answer (default: 100)")
    parser.add_argument(
        "--max-batch", type=positive, default=32, help="waiting questions searched together; 1: each alone (default: 32)"
    )
    parser.add_argument("--device", type=device, help="of models and search: cpu, cuda, ... (default: cpu)")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r} is not a port: a number from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _warm_up(searcher: Searcher) -> None:
    """The first search of every student reads models and index into memory: before anybody waits for it."""
    for name in searcher.students:
        searcher.search(["?"], 1, language=name, matches=False)
