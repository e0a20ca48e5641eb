"""Settings from a YAML file and the command line; unknown keys are errors that suggest the near one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from transformers import HfArgumentParser
from transformers.hf_argparser import string_to_bool

from ..data.errors import DataError, did_you_mean
from .options import UNUSED, check_options

# What a newcomer needs, in this order, with a shorter help where transformers' is long; `--help-all` shows the rest, among them
# everything that transformers' TrainingArguments know.
_MAIN = {
    **dict.fromkeys(("teacher", "bitext", "language", "encoder", "student", "triples", "passages"), ""),
    "output_dir": "Folder of checkpoints and of the finished model.",
    **dict.fromkeys(("resume", "overwrite", "limit", "english_column", "non_english_column", "exclude"), ""),
    **dict.fromkeys(("embedding_dim", "query_length", "document_length", "do_query_expansion"), ""),
    **dict.fromkeys(
        ("loss", "solver", "epsilon", "marginals", "expand", "max_length", "too_long", "teacher_cache", "negatives"), ""
    ),
    "per_device_train_batch_size": "",
    "learning_rate": "",
    "num_train_epochs": "Passes over the data (default: 3).",
    "max_steps": "Steps to train, instead of whole epochs.",
    "bf16": "Mixed precision in bfloat16.",
    "use_cpu": "Leave the GPU alone.",
    "seed": "Of the weights and of the order of the data (default: 42).",
    "save_steps": "Steps between two checkpoints (default: 500).",
    **dict.fromkeys(("development", "development_split", "development_passages", "eval_pairs"), ""),
    "eval_strategy": "When to evaluate (default: no).",
    "eval_steps": "Steps between two evaluations.",
    "metric_for_best_model": "With --load_best_model_at_end: what the best checkpoint is best in, such as eval_recall@10.",
    "load_best_model_at_end": "Keep the best checkpoint instead of the last.",
    **dict.fromkeys(("json", "help", "help_all"), ""),
}


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
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    settings = {}
    for action in parser._actions:
        if action.nargs != 0:  # not the --no_... of a switch
            settings |= {option.lstrip("-").replace("-", "_"): action for option in action.option_strings}
        if action.type is string_to_bool and action.nargs is None:  # may be left out: true, false or neither
            action.nargs, action.const = "?", True
    settings["output"] = parser.add_argument(
        "--output", dest="output_dir", default=argparse.SUPPRESS, help="Folder of checkpoints and of the finished model."
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="Print the outcome as JSON.")
    parser.add_argument("--help", "-h", action="store_true", default=argparse.SUPPRESS, help="Show this message.")
    parser.add_argument("--help-all", action="store_true", default=argparse.SUPPRESS, help="Show every training argument, too.")
    argv = list(argv)
    if {"-h", "--help", "--help-all"} & set(argv):
        _print_help(parser, everything="--help-all" in argv)
        raise SystemExit(0)
    for name in UNUSED:
        settings.pop(name, None)
    from_file: list[str] = []
    if argv and not argv[0].startswith("-"):
        from_file = _yaml_flags(Path(argv.pop(0)), settings)
    check_options(parser, argv)
    *parsed, rest = parser.parse_args_into_dataclasses([*from_file, *argv], return_remaining_strings=True, look_for_args_file=False)
    if isinstance(parsed[-1], argparse.Namespace):  # --json, which the command has taken already
        parsed.pop()
    if rest:
        is_yaml = rest[0].endswith((".yaml", ".yml"))
        fix = "the configuration file comes first" if is_yaml else f"options start with --; see `{prog} --help`"
        raise DataError(f"unexpected argument {rest[0]!r}", fix=fix)
    return tuple(parsed)


def _print_help(parser: argparse.ArgumentParser, *, everything: bool) -> None:
    parser.usage = "%(prog)s [CONFIG.yaml] [--option value ...]"
    for action in parser._actions:
        is_negation = action.nargs == 0 and action.option_strings[0].startswith("--no_")
        is_second = action.option_strings[0] == "--output_dir"  # --output is the same
        # one spelling of each option is enough
        action.option_strings = [o for o in action.option_strings if o in ("-h", "--help-all") or "-" not in o.lstrip("-")]
        if is_negation or is_second or not (everything or action.dest in _MAIN):
            action.help = argparse.SUPPRESS
        elif not everything:
            action.help = _MAIN[action.dest] or action.help
        if action.nargs != 0 and not action.choices:
            is_switch = action.type is string_to_bool
            action.metavar = "true|false" if is_switch else {int: "N", float: "X"}.get(action.type, "VALUE")
    if not everything:
        order = {name: place for place, name in enumerate(_MAIN)}
        parser._optionals._group_actions.sort(key=lambda action: order.get(action.dest, len(order)))
        parser.epilog = (
            "CONFIG.yaml holds the same options as `key: value` lines; options on the command line win over it.\n"
            "--help-all shows everything else that can be set: all of transformers' TrainingArguments."
        )
    parser.print_help()


def _yaml_flags(file: Path, settings: Mapping[str, argparse.Action]) -> list[str]:
    """The file's settings as command-line flags, so that both are converted in one way.

    Scalars are taken as they are written: to YAML, `no` (Norwegian) is false and `1e-3` is a text.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        yaml.safe_load(text)
    except FileNotFoundError:
        raise DataError("there is no such configuration file", path=file, fix="check the path; options start with --") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"not readable as text ({error})", path=file, fix="give a YAML file in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise DataError(problem, path=file, line=mark.line + 1 if mark else None, fix="write `key: value` lines") from None
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise DataError("not a mapping of settings", path=file, line=1, fix="write `key: value` lines")
    flags: list[str] = []
    lines: dict[str, int] = {}
    for key, value in root.value:
        line, name = key.start_mark.line + 1, str(key.value)
        if name not in settings:
            fix = UNUSED.get(name) or did_you_mean(name, settings) or "--help-all shows the known ones"
            raise DataError(f"unknown setting {name!r}", path=file, line=line, fix=fix)
        if name in lines:
            raise DataError(f"{name!r} is set twice, first in line {lines[name]}", path=file, line=line, fix="keep one")
        lines[name] = line
        try:
            flags += _flag(name, value, settings[name])
        except (ValueError, TypeError, argparse.ArgumentTypeError) as error:
            raise DataError(f"{name}: {error}", path=file, line=value.start_mark.line + 1, fix="see --help-all") from None
    return flags


def _flag(name: str, value: yaml.Node, action: argparse.Action) -> list[str]:
    """`["--name=value"]`; [] for an empty value. Raises ValueError if the option does not take it."""
    if isinstance(value, yaml.MappingNode):
        return [f"--{name}={json.dumps(yaml.safe_load(yaml.serialize(value)))}"]
    if value.tag.endswith(":null"):
        return []
    many = isinstance(value, yaml.SequenceNode)
    if many and action.nargs != "+":
        raise ValueError("a list, where one value is expected")
    texts = [str(node.value) for node in (value.value if many else [value])]
    for text in texts:
        try:
            converted = action.type(text) if action.type else text
        except ValueError:
            raise ValueError(f"{text!r} is no {getattr(action.type, '__name__', 'value')}") from None
        if action.choices and converted not in action.choices:
            raise ValueError(f"{text!r} is not one of {', '.join(map(str, action.choices))}")
    if not many:
        return [f"--{name}={texts[0]}"]
    return [f"--{name}", *texts] if texts else []
