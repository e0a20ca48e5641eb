"""`optical search`: ask in your language; English passages answer."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from argparse import ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, Any

from ..recipes.options import CommandParser, add_lexical_weight, add_spelling_variants, check_options, positive, question
from .device import device
from .output import quiet_stdout

if TYPE_CHECKING:
    from ..search import Hit, Searcher

    Variants = tuple[tuple[str, str], ...]

_DESCRIPTION = """Ask a question in your language; English passages answer.

  optical search INDEX --student S "swali"                             an index made by `optical index`
  optical search INDEX --student sw=S --student ha=S2 --language ha "tambaya"
  optical search INDEX --student sw=S --student en=TEACHER --language en "question"
  optical search INDEX --student S --batch queries.jsonl --run out.trec
  optical search --passages PASSAGES --teacher T --student S "swali"    passages encoded now, for this once"""
# A token of the passage is shown in bold from this share of the query's best match on.
_BOLD_FROM, _BOLD, _PLAIN = 0.6, "\033[1m", "\033[0m"
# They print nothing, but words of Hindi or Persian are others without them.
_JOINERS = "\u200c\u200d"


def run(argv: list[str]) -> None:
    """Run the command. Raises ValueError, with one line, for whatever is in the way."""
    options = _options(argv)
    _arrange(options)
    with quiet_stdout():
        searcher = _searcher(options)
        ids, queries = _queries(options)
        filter = _filter(options.filter)
        variants = [respelt.variants for respelt in searcher.respell(queries, language=options.language)]
        found = searcher.search(queries, options.k, language=options.language, filter=filter or None, matches=not options.run)
        if options.run:
            _write_run(options, ids, found)
    if options.run:
        print(json.dumps({"run": options.run, "queries": len(ids)}) if options.json else f"{len(ids)} queries: {options.run}")
    elif options.json:
        named = [
            ({"id": i} if options.batch else {})
            | {"query": query}
            | ({"spelling_variants": [{"word": w, "variant": v} for w, v in also]} if options.spelling_variants else {})
            | {"hits": [hit.to_dict() for hit in hits]}
            for i, query, also, hits in zip(ids, queries, variants, found, strict=True)
        ]
        print(json.dumps(named, ensure_ascii=False))
    else:
        for query, also, hits in zip(queries, variants, found, strict=True):
            print(_shown(query, also, hits, sys.stdout.isatty(), decimals=4 if options.lexical_weight else 2))


def _options(argv: list[str]) -> Namespace:
    parser = _parser()
    check_options(parser, argv)
    return parser.parse_intermixed_args(argv)  # what has no option's name may stand before or behind the options


def _parser() -> CommandParser:
    parser = CommandParser(prog="optical search", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "words", nargs="*", type=_question, metavar="INDEX|QUERY", help="the index (without --passages), then questions"
    )
    parser.add_argument(
        "--student",
        action="append",
        required=True,
        metavar="[NAME=]S",
        help="student: a folder or Hub name; for English questions the teacher; may be repeated",
    )
    parser.add_argument("--language", help="language of the questions, or name of the student, where there are several")
    parser.add_argument("--passages", help="English passages: JSONL (_id, title, text), TSV, or a text file, one a line")
    parser.add_argument("--teacher", help="encodes --passages")
    parser.add_argument("-k", type=positive, default=5, help="passages to show (default: 5)")
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        type=_characters,
        metavar="NAME=VALUE",
        help="only passages whose metadata has it; may be repeated: of one NAME any VALUE, and all of the NAMEs",
    )
    add_lexical_weight(
        parser,
        "join BM25 of the question as it is typed, which finds names and numbers, with this weight beside the student's 1; "
        "0.5 is what was measured (default: 0, none)",
    )
    add_spelling_variants(
        parser,
        "ask for words that the student does not know as they are spelt in English, too (names and loans), where a passage has "
        "such a word; for students with an adapted vocabulary",
    )
    parser.add_argument("--batch", metavar="FILE", help="questions from a JSONL file (_id, text)")
    parser.add_argument("--run", metavar="FILE", help="write the ranking of --batch in TREC format")
    parser.add_argument("--device", type=device, help="of models and search: cpu, cuda, ... (default: cpu)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _arrange(options: Namespace) -> None:
    """Part the index from the questions; refuse what does not go together."""
    if bool(options.passages) != bool(options.teacher):
        raise ValueError("--passages and --teacher go together; an index knows its teacher; see `optical search --help`")
    options.index = None if options.passages or not options.words else options.words.pop(0)
    if not options.passages and options.index is None:
        raise ValueError("give the folder of an index, or --passages and --teacher; see `optical search --help`")
    if bool(options.words) == bool(options.batch):
        raise ValueError("give a question in quotes behind the index, or --batch FILE (not both); see `optical search --help`")
    if options.run and not options.batch:
        raise ValueError("--run writes the ranking of --batch FILE: give it")


def _searcher(options: Namespace) -> Searcher:
    from ..search import ExactIndex, Searcher
    from ..search.opening import open_index

    students = dict(_pair(entry, "--student", "") for entry in options.student)
    if len(students) < len(options.student):
        raise ValueError("a name or a student is given twice with --student")
    of_search = {"device": options.device, "lexical_weight": options.lexical_weight, "variants": options.spelling_variants}
    if options.index:
        index = open_index(options.index, device=options.device)
        return Searcher.from_pretrained(students, index=index, **of_search)
    from ..data import load_passages
    from ..models.pretrained import load_teacher

    ids, texts = load_passages(options.passages)
    teacher = load_teacher(options.teacher).to(options.device or "cpu")
    return Searcher.from_pretrained(students, index=ExactIndex.build(teacher, ids, texts), **of_search)


def _characters(argument: str) -> str:
    """What is no UTF-8 on the command line comes as halves of surrogate pairs, which no tokenizer takes."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError(f"{argument!r} holds half of a surrogate pair: write it in UTF-8") from None
    return argument


def _question(argument: str) -> str:
    return question(_characters(argument))


def _pair(entry: str, option: str, needed: str) -> tuple[str, str]:
    name, equals, value = entry.partition("=")
    if equals and name and value:
        return name, value
    if needed:
        raise ValueError(f"{option} {entry!r}: write {needed}")
    return entry, entry


def _filter(entries: list[str]) -> dict[str, list[Any]]:
    """Any value of each name. The words of a command line have no type: 1999 and true stand for the word and what JSON reads."""

    def readings(word: str) -> list[Any]:
        try:
            value = json.loads(word)
        except ValueError:
            return [word]
        return [word, value] if isinstance(value, (str, int, float, bool, type(None))) else [word]

    wanted: dict[str, list[Any]] = {}
    for entry in entries:
        name, word = _pair(entry, "--filter", "NAME=VALUE")
        wanted.setdefault(name, []).extend(readings(word))
    return wanted


def _queries(options: Namespace) -> tuple[list[str], list[str]]:
    """Ids and texts of the questions."""
    if not options.batch:
        return [str(number) for number in range(1, len(options.words) + 1)], options.words
    from ..data.errors import DataError
    from ..data.fields import check_characters
    from ..data.files import EMPTY_LINE, read_json_lines

    queries: dict[str, str] = {}
    for line, record, problem in read_json_lines(options.batch):
        if problem == EMPTY_LINE:
            continue
        id, text = record.get("_id", record.get("id")), record.get("text")
        if problem or not isinstance(id, (str, int)) or not isinstance(text, str) or not text.strip():
            raise DataError(problem or "no _id, or no text", path=options.batch, line=line, fix='write {"_id": "q1", "text": "…"}')
        check_characters(str(id), "_id", options.batch, line)
        check_characters(text, "text", options.batch, line)
        if str(id) in queries:
            raise DataError(f"{id!r} is there twice", path=options.batch, line=line, column="_id", fix="give each its own id")
        queries[str(id)] = text
    return list(queries), list(queries.values())


def _write_run(options: Namespace, ids: list[str], found: list[list[Hit]]) -> None:
    from ..evaluation import RetrievalResult

    run = {i: [(hit.id, hit.score) for hit in hits] for i, hits in zip(ids, found, strict=True)}
    RetrievalResult("optical", len(ids), {}, {}, {}, run).save_run(options.run)


def _shown(query: str, variants: Variants, hits: list[Hit], terminal: bool, *, decimals: int) -> str:
    width = shutil.get_terminal_size((120, 24)).columns if terminal else 160
    lines = ["", f"{_BOLD}{_line(query)}{_PLAIN}" if terminal else _line(query)]
    if variants:
        lines.append(f"also asked for: {', '.join(f'{_line(word)} as {variant}' for word, variant in variants)}")
    for rank, hit in enumerate(hits, 1):
        head = f"{rank:3}. {hit.score:6.{decimals}f}  {_line(hit.id)}  "
        if not terminal:
            lines.append(f"{head}{_line(hit.text)[:width]}")
            continue
        lines += [f"{head}".rstrip(), textwrap.indent(_bold(hit, 3 * (width - 6)), "     ")]
    return "\n".join(lines if hits else [*lines, "nothing found"])


def _bold(hit: Hit, length: int) -> str:
    """The beginning of the text, what the query's tokens found in bold."""
    best = max((match.similarity for match in hit.matches), default=0)
    spans = sorted({m.document for m in hit.matches if m.document and m.similarity >= _BOLD_FROM * best})
    text, end = "", 0
    for start, stop in spans:
        if start >= end and stop <= length:
            text, end = f"{text}{_printable(hit.text[end:start])}{_BOLD}{_printable(hit.text[start:stop])}{_PLAIN}", stop
    return " ".join((text + _printable(hit.text[end:length])).split()) + ("…" if len(hit.text) > length else "")


def _line(text: str) -> str:
    """A text of others on one line."""
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    """Without what steers a terminal (escape, backspace, direction of writing); white space becomes spaces."""
    return "".join(" " if c.isspace() else c for c in text if c.isprintable() or c.isspace() or c in _JOINERS)
