"""`optical COMMAND`: finds the command, runs it, and makes what a person can mend one line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

# command -> what it does; the module of the same name in `commands` is imported when it is called
COMMANDS = {
    "prepare": "clean sentence pairs, and count what was left out and why",
    "teach": "train an English teacher",
    "adapt-vocabulary": "give frequent words of your language tokens of their own",
    "distill": "distil a student for your language from sentence pairs",
    "evaluate": "recall of students beside BM25, zero-shot and the teacher",
    "compare": "every method side by side, with significance",
    "index": "encode passages once, for every language",
    "search": "ask a question in your language",
    "serve": "search over HTTP",
    "demo": "search in a browser, and see why",
    "export": "ONNX, for a browser or a small server",
    "push": "models, bitext, metric and Space to the Hugging Face Hub",
}
# commands that go on where they stopped
_RESUMABLE = ("teach", "distill")
_LISTING = "\n".join(f"  optical {name:<17} {what}" for name, what in COMMANDS.items())
_DESCRIPTION = f"""Give an English late-interaction retriever a front door in another language.

{_LISTING}

`optical COMMAND --help` tells the options of each."""

USAGE_ERROR, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0 done, 2 bad input (one line on stderr), 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_DESCRIPTION, file=sys.stdout if argv else sys.stderr)
        return 0 if argv else USAGE_ERROR
    if argv[0] == "--version":
        from . import __version__

        print(f"hf_optical {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        from .data.errors import did_you_mean

        return _fail(f"unknown command {argv[0]!r}; {did_you_mean(argv[0], COMMANDS) or 'see `optical --help`'}")
    return run(lambda rest: command(argv[0])(rest), argv[1:], resumable=argv[0] in _RESUMABLE)


def command(name: str) -> Callable[[list[str]], None]:
    """The function that carries out a command."""
    return import_module(f".commands.{name.replace('-', '_')}", __package__).run


def run(command: Callable[[list[str]], None], argv: list[str], *, resumable: bool = False) -> int:
    """Run with a log on stderr; what a person can mend becomes one line and exit code 2 (`OPTICAL_TRACEBACK=1`: a traceback)."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("hf_optical").setLevel(logging.INFO)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # five retries are no news; that all failed is in the error
    try:
        command(argv)
        sys.stdout.flush()
    except SystemExit as stop:
        return int(stop.code or 0)
    except KeyboardInterrupt:
        advice = ". Complete checkpoints are kept: the same command with --resume goes on from the last."
        return _fail("interrupted" + (advice if resumable else "."), INTERRUPTED)
    except BrokenPipeError:  # the reader (`head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (ValueError, OSError) as error:
        if os.environ.get("OPTICAL_TRACEBACK"):
            raise
        return _fail(str(error) or type(error).__name__)
    except MemoryError:
        return _fail("out of memory: lower the batch size or the number of texts.")
    except ImportError as error:  # of an optional package, named by an argument such as --report_to or --optim
        if os.environ.get("OPTICAL_TRACEBACK"):
            raise
        return _fail(f"a package is missing ({error}): install it, or choose another setting.")
    except RuntimeError as error:
        if "to be installed" in str(error):  # transformers' word for the same
            return _fail(str(error))
        # torch's own name for it, without importing torch to catch it
        if type(error).__name__ != "OutOfMemoryError":
            raise
        return _fail("out of GPU memory: lower the batch size, or use --bf16.")
    return 0


def _fail(message: str, code: int = USAGE_ERROR) -> int:
    print(f"optical: error: {' '.join(message.split())}" if code == USAGE_ERROR else f"optical: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
