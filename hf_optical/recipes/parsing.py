"""Settings from a YAML file and the command line; unknown keys are errors that suggest the near one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from transformers import HfArgumentParser

from ..data.errors import DataError, did_you_mean

# What a newcomer needs; `--help-all` shows the rest, among them everything that transformers' TrainingArguments know.
_MAIN = set(
    ["teacher", "bitext", "language", "english_column", "non_english_column", "exclude", "encoder", "query_length", "do_query_expansion", "development", "development_split", "development_passages", "triples", "passages", "embedding_dim", "document_length", "limit", "resume", "overwrite", "output_dir", "loss", "solver", "epsilon", "marginals", "expand", "max_length", "teacher_cache", "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size", "negatives", "seed", "bf16", "use_cpu", "save_steps", "eval_strategy", "eval_steps"]
)


class _Parser(HfArgumentParser):
    def error(self, message: str) -> None:
        raise DataError(message, fix=f"see `{self.prog} --help`")


def parse(dataclasses: Sequence[type], argv: Sequence[str], *, prog: str, description: str) -> tuple[Any, ...]:
    """Instances of the dataclasses from `[CONFIG.yaml] [--key value ...]`; the command line wins over the file.

    Raises:
        DataError: an unknown key or flag, a value of the wrong type, a file that is no YAML mapping.
        SystemExit: after `--help`.
    """
    parser = _Parser(list(dataclasses), prog=prog, description=description, allow_abbrev=False, add_help=False)
    parser.formatter_class = argparse.HelpFormatter
    parser.add_argument(
        "--output", dest="output_dir", default=argparse.SUPPRESS, help="Folder of checkpoints and of the finished model."
    )
    parser.add_argument("--help", "-h", action="store_true", default=argparse.SUPPRESS, help="Show this message.")
    parser.add_argument("--help-all", action="store_true", default=argparse.SUPPRESS, help="Show every training argument, too.")
    argv = list(argv)
    if {"-h", "--help", "--help-all"} & set(argv):
        _print_help(parser, everything="--help-all" in argv)
        raise SystemExit(0)
    known = {option.lstrip("-").replace("-", "_") for action in parser._actions for option in action.option_strings}
    from_file: list[str] = []
    if argv and not argv[0].startswith("-"):
        from_file = _yaml_flags(Path(argv.pop(0)), known)
    *parsed, rest = parser.parse_args_into_dataclasses([*from_file, *argv], return_remaining_strings=True, look_for_args_file=False)
    if rest:
        name = rest[0].split("=", 1)[0].lstrip("-").replace("-", "_")
        if rest[0].startswith("-"):
            raise DataError(f"unknown option {rest[0]}{did_you_mean(name, known)}", fix=f"see `{prog} --help`")
        raise DataError(f"unexpected argument {rest[0]!r}", fix=f"options start with --; see `{prog} --help`")
    return tuple(parsed)


def _print_help(parser: argparse.ArgumentParser, *, everything: bool) -> None:
    parser.usage = "%(prog)s [CONFIG.yaml] [--option value ...]"
    for action in parser._actions:
        # one spelling of each option is enough
        action.option_strings = [o for o in action.option_strings if o in ("-h", "--help-all") or "-" not in o.lstrip("-")]
        if not everything and action.dest not in _MAIN | {"help", "help_all"}:
            action.help = argparse.SUPPRESS
    if not everything:
        parser.epilog = "Every argument of transformers' TrainingArguments is taken, too: --help-all shows them."
    parser.print_help()


def _yaml_flags(file: Path, known: set[str]) -> list[str]:
    """The file's settings as command-line flags, so that both are checked and converted in one way."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        settings = yaml.safe_load(text)
    except FileNotFoundError:
        raise DataError("there is no such configuration file", path=file, fix="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"not readable as text ({error})", path=file, fix="give a YAML file in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise DataError(problem, path=file, line=mark.line + 1 if mark else None, fix="write `key: value` lines") from None
    if settings is None:
        return []
    if not isinstance(settings, dict):
        raise DataError("not a mapping of settings", path=file, line=1, fix="write `key: value` lines")
    lines = {key.value: key.start_mark.line + 1 for key, _ in root.value}
    flags: list[str] = []
    for key, value in settings.items():
        if str(key) not in known:
            raise DataError(
                f"unknown setting {key!r}{did_you_mean(str(key), known)}", path=file, line=lines.get(str(key)), fix="see --help-all"
            )
        if value is None:
            continue
        values = value if isinstance(value, list) else [json.dumps(value) if isinstance(value, dict) else value]
        flags += [f"--{key}", *map(str, values)]
    return flags
