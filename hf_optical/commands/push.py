"""`optical push student|teacher|bitext|metric|space|collection PATH --repo owner/name`."""

from __future__ import annotations

import json
from argparse import Namespace, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, Any

from ..recipes.options import CommandParser
from .output import quiet_stdout

if TYPE_CHECKING:
    from ..hub import Push

_KINDS = ("student", "teacher", "bitext", "metric", "space", "collection")
_DESCRIPTION = """Push to the Hub in one commit. The repository is made if it is not there; edits of people to its card are kept.

  optical push teacher runs/teacher --repo org/teacher
  optical push student runs/optical-sw --repo org/optical-sw --teacher org/teacher
  optical push bitext sw.tsv.gz --repo org/bitext --licence tico19=CC0-1.0
  optical push metric spaces/recall_at_k --repo org/recall_at_k
  optical push space spaces/demo --repo org/demo
  optical push collection collection.yaml --repo org/optical

Log in first: `hf auth login`, or HF_TOKEN. Try it with --dry-run, which sends nothing."""


def run(argv: list[str]) -> None:
    """Run the command. Raises ValueError, with one line, for whatever is in the way."""
    options = _parser().parse_args(argv)
    _check(options)
    with quiet_stdout():
        outcome = _push(options)
    if options.json:
        print(json.dumps(outcome if isinstance(outcome, dict) else outcome.to_dict(), ensure_ascii=False))
    elif isinstance(outcome, dict):
        print(_collection_text(outcome))
    else:
        print(_dry_text(outcome) if outcome.dry_run else _text(options.kind, outcome))


def _parser() -> CommandParser:
    parser = CommandParser(prog="optical push", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=_KINDS, help="what it is")
    parser.add_argument("path", help="folder (bitext: a prepared file, or a folder of them; collection: a YAML file)")
    parser.add_argument("--repo", required=True, help="repository: owner/name, or a name of your own")
    parser.add_argument("--private", action="store_true", help="make the repository private")
    parser.add_argument("--revision", help="branch, made if it is not there (default: main)")
    parser.add_argument("--dry-run", action="store_true", help="print the list of files and the card, and send nothing")
    parser.add_argument("--teacher", help="student: repository of its teacher")
    parser.add_argument("--language", help="bitext: code of the language, where the file does not tell")
    parser.add_argument("--wheel", metavar="FILE", help="space: a wheel of hf_optical to send too, and to install there")
    parser.add_argument(
        "--licence", action="append", default=[], metavar="SOURCE=LICENCE", help="licence of a source of the data; may be repeated"
    )
    parser.add_argument(
        "--licences",
        metavar="FILE",
        help="the same from a YAML file, or TSV with columns source, licence and, to credit: title, attribution, url",
    )
    parser.add_argument(
        "--allow-mixed-licences", action="store_true", help="the licences forbid to be mixed, and every part keeps its own"
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return parser


# Options that are only for some kinds.
_ONLY = {
    "teacher": ("student",),
    "language": ("bitext",),
    "wheel": ("space",),
    "licence": ("student", "teacher", "bitext"),
    "licences": ("student", "teacher", "bitext"),
    "allow_mixed_licences": ("student", "teacher", "bitext"),
    "revision": ("student", "teacher", "bitext", "metric", "space"),
}


def _check(options: Namespace) -> None:
    for name, kinds in _ONLY.items():
        if getattr(options, name) and options.kind not in kinds:
            raise ValueError(f"--{name.replace('_', '-')} has no meaning for a {options.kind}, only for {', '.join(kinds)}.")


def _push(options: Namespace) -> Push | dict[str, Any]:
    from .. import hub

    common = {"private": options.private, "dry_run": options.dry_run}
    if options.kind == "collection":
        return hub.push_collection(options.path, options.repo, **common)
    common["revision"] = options.revision
    if options.kind == "metric":
        return hub.push_metric(options.path, options.repo, **common)
    if options.kind == "space":
        return hub.push_space(options.path, options.repo, wheel=options.wheel, **common)
    common["licences"] = hub.read_licences(options.licence, options.licences)
    common["allow_mixed_licences"] = options.allow_mixed_licences
    if options.kind == "bitext":
        return hub.push_bitext(options.path, options.repo, language=options.language, **common)
    if options.kind == "student":
        return hub.push_student(options.path, options.repo, teacher=options.teacher, **common)
    return hub.push_teacher(options.path, options.repo, **common)


def _text(kind: str, outcome: Push) -> str:
    lines = [f"{kind}: {outcome.url} ({len(outcome.files)} files, commit {outcome.commit})"]
    if kind in ("student", "teacher"):
        pinned = f'"{outcome.repo}", revision="{outcome.commit}", trust_remote_code=True'
        lines.append(f"load it anywhere: AutoModel.from_pretrained({pinned})")
    elif kind == "bitext":
        config, split = _first_split(outcome)
        lines.append(
            f'load it: load_dataset("{outcome.repo}", "{config}", split="{split}", revision="{outcome.commit}", streaming=True)'
        )
    elif kind == "metric":
        lines.append(f'load it: evaluate.load("{outcome.repo}", revision="{outcome.commit}")')
    return "\n".join(lines)


def _first_split(outcome: Push) -> tuple[str, str]:
    """A configuration of a bitext, without which it cannot be loaded once there are several, and a split of it: "train" if there is
    one.
    """
    found = [path.split("/") for path in sorted(outcome.files) if path.endswith(".parquet")]
    splits = [file.partition("-")[0] for config, file in found if config == found[0][0]]
    return found[0][0], "train" if "train" in splits else splits[0]


def _dry_text(outcome: Push) -> str:
    wide = max(map(len, [*outcome.files, *outcome.left_out]), default=0)
    lines = [
        f"{outcome.kind} {outcome.repo}, branch {outcome.revision}{', private' if outcome.private else ''}: nothing was sent",
        "",
    ]
    lines += [f"{path:<{wide}}  {size:>13,} bytes" for path, size in outcome.files.items()]
    lines.append(f"{'total':<{wide}}  {sum(outcome.files.values()):>13,} bytes")
    lines += [f"{path:<{wide}}  stays here: {reason}" for path, reason in outcome.left_out.items()]
    return "\n".join([*lines, "", "README.md:", "", outcome.card])


def _collection_text(outcome: dict[str, Any]) -> str:
    items = "\n".join(f"  {item['type']} {item['repo']}" for item in outcome["items"])
    head = f"collection: {outcome['url']}" if outcome["url"] else f"collection {outcome['title']!r}: nothing was sent"
    return f"{head}\n{items}"
