"""`optical demo`: ask in your language in a browser, and see why each passage was found."""

from __future__ import annotations

import logging
from argparse import RawDescriptionHelpFormatter
from importlib.util import find_spec

from ..recipes.options import CommandParser, add_lexical_weight, add_spelling_variants, positive
from .output import quiet_stdout
from .serve import _port

logger = logging.getLogger(__name__)

_DESCRIPTION = """Ask in your language, in a browser, and see why each English passage was found.

  optical demo                                           the embedded sample: trained at the first start, in a minute or two
  optical demo --student sw=S --student ha=S2 --index I  your students in front of your index

What is not given is taken from the environment: OPTICAL_STUDENTS="sw=S,ha=S2", OPTICAL_INDEX, OPTICAL_TEACHER, OPTICAL_EXAMPLES,
OPTICAL_LEXICAL_WEIGHT, OPTICAL_SPELLING_VARIANTS, OPTICAL_DEMO_CACHE, OPTICAL_DEMO_HOST, OPTICAL_DEMO_PORT. There is no encryption
and no login."""


def run(argv: list[str]) -> None:
    """Run the command until it is told to stop. Raises ValueError or OSError, with one line, for whatever is in the way."""
    options = _parser().parse_args(argv)
    if find_spec("gradio") is None:
        raise ValueError("gradio is not installed: pip install 'hf_optical[demo]'")
    from ..demo.settings import DemoSettings

    given = dict(vars(options), students=options.student)
    del given["student"]
    settings = DemoSettings.from_environment(**given)
    told = [""]

    def tell(part: float, text: str) -> None:
        """A line for each thing that is begun; the page shows the parts of it."""
        if text != told[0]:
            told[0] = text
            logger.info("%3.0f %%  %s", 100 * part, text)

    with quiet_stdout():
        from ..demo.app import launch

        launch(settings, tell)


def _parser() -> CommandParser:
    parser = CommandParser(prog="optical demo", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "--student",
        action="append",
        metavar="[NAME=]S",
        help="student: a folder or Hub name, with its language as its name; may be repeated (default: the embedded sample's)",
    )
    parser.add_argument(
        "--index",
        help="that the students search: a folder, hf://datasets/OWNER/NAME@REVISION, or an address as `optical search` takes it",
    )
    parser.add_argument("--teacher", help="English teacher: a folder or Hub name (default: the one that the student remembers)")
    add_lexical_weight(
        parser,
        "join BM25 of the question as it is typed, which finds names and numbers, with this weight beside the student's 1; who "
        "searches may switch it off; 0.5 is what was measured (default: 0, none)",
        default=None,
    )
    add_spelling_variants(
        parser,
        "ask for words that a student does not know as they are spelt in English, too, such as Tanzaniya as Tanzania; who searches "
        "may switch it off",
    )
    parser.add_argument(
        "--no_spelling_variants",
        "--no-spelling-variants",
        dest="spelling_variants",
        action="store_false",
        help="do without, whatever OPTICAL_SPELLING_VARIANTS says",
    )
    parser.set_defaults(spelling_variants=None)  # what is not given is left to the environment
    parser.add_argument("--examples", help="example questions: JSON Lines (text, language, relevant), or a folder in BEIR layout")
    parser.add_argument("--cache", help="folder for the embedded sample's models (default: the platform's)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=_port, help="0: any free one (default: 7860)")
    parser.add_argument("--max-query-characters", type=positive, help="of a question (default: 500)")
    parser.add_argument("--max-results", type=positive, help="passages in an answer (default: 10)")
    parser.add_argument("--concurrency", type=positive, help="requests computed at a time (default: 2)")
    parser.add_argument("--queue-size", type=positive, help="requests that may wait (default: 64)")
    parser.add_argument("--threads", type=positive, help="of a computation (default: 4, or all cores if there are fewer)")
    return parser
