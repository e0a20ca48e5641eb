"""`optical index`: encode passages once, for every language; change and check the index."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, Any

from ..recipes.options import CommandParser, check_options, positive
from .device import device
from .output import quiet_stdout

if TYPE_CHECKING:
    from ..search import DiskIndex
    from ..search.qdrant_index import QdrantIndex

_DESCRIPTION = """Encode English passages with the teacher, once; students of every language search them. Passages in another
language are encoded by a student distilled with --side document or both, into an index of their own or beside the English ones.

  optical index PASSAGES --teacher T --output I          make an index; killed, the same command goes on
  optical index MORE --teacher T --output I --add        add passages
  optical index SWAHILI --student S --output I --add     add passages in the student's language
  optical index --output I --delete ID [ID ...]          take passages out
  optical index --output I --compact                     free the room of what was taken out
  optical index --output I --verify                      read every file, name what is damaged
  optical index PASSAGES --teacher T --output http://HOST:6333/COLLECTION       a Qdrant cluster; its key in QDRANT_API_KEY

Several GPUs: accelerate launch --no_python optical index ..."""

_LAYOUT = ("shards", "replicas", "quantization", "on_disk", "hnsw", "payload_index")


def run(argv: list[str]) -> None:
    """Run the command. Raises ValueError, with one line, for whatever is in the way."""
    options = _options(argv)
    _check(options)
    with quiet_stdout():
        outcome = _change(options)
    if outcome is not None:
        print(json.dumps(outcome, ensure_ascii=False) if options.json else _text(outcome))


def _options(argv: list[str]) -> Namespace:
    parser = _parser()
    check_options(parser, argv)
    return parser.parse_intermixed_args(argv)  # what has no option's name may stand before or behind the options


def _parser() -> CommandParser:
    parser = CommandParser(prog="optical index", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "passages",
        nargs="?",
        help="JSONL (_id, title, text, metadata), TSV, a text file, one a line, a folder (BEIR, or .txt files), or a Hub data set",
    )
    parser.add_argument(
        "--output", required=True, help="folder of the index, or http(s)://HOST:6333/COLLECTION, or qdrant+path:FOLDER"
    )
    parser.add_argument("--teacher", help="encodes English passages: a folder or Hub name")
    parser.add_argument("--student", help="encodes passages in its language: distilled with --side document or both")
    parser.add_argument("--dtype", choices=("float16", "int8"), help="of the stored embeddings (default: float16)")
    parser.add_argument("--pool-factor", type=_factor, help="so many tokens of a passage become about one (default: 1)")
    parser.add_argument("--batch-size", type=positive, default=32, help="passages encoded at a time (default: 32)")
    parser.add_argument("--device", type=device, help="of the model: cpu, cuda, ... (default: a GPU if there is one)")
    parser.add_argument("--overwrite", action="store_true", help="replace another index there; killed, the same command goes on")
    engine = parser.add_argument_group("a new Qdrant collection")
    engine.add_argument("--shards", type=positive, help="parts, spread over the nodes (default: one for each node)")
    engine.add_argument("--replicas", type=positive, help="copies of every shard (default: 1)")
    engine.add_argument("--quantization", choices=("int8", "binary"), help="a small copy in memory finds the candidates")
    engine.add_argument("--on-disk", action="store_true", help="embeddings and texts stay on the disk")
    engine.add_argument(
        "--hnsw", type=positive, metavar="M", help="a graph with M edges at a node finds the candidates (default: none)"
    )
    engine.add_argument(
        "--payload-index",
        action="append",
        default=[],
        metavar="NAME=TYPE",
        help="metadata to filter by fast; TYPE: keyword, integer, ...",
    )
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--add", action="store_true", help="add the passages to the index")
    task.add_argument("--delete", nargs="+", metavar="ID", help="take these passages out")
    task.add_argument("--verify", action="store_true", help="check every file of the index")
    task.add_argument("--compact", action="store_true", help="free the room of passages taken out, join small additions")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return parser


def _factor(text: str) -> int:
    number = positive(text)
    if number > 16:
        raise ArgumentTypeError(f"{text} leaves next to nothing of a passage: 2 to 4 are usual")
    return number


def _check(options: Namespace) -> None:
    encodes = not (options.delete or options.verify or options.compact)
    task = "--delete" if options.delete else "--verify" if options.verify else "--compact"
    if encodes and not (options.passages and (options.teacher or options.student)):
        raise ValueError("PASSAGES and --teacher are needed to encode passages, or --student; see `optical index --help`")
    if options.teacher and options.student:
        raise ValueError("give --teacher for English passages or --student for others; one index takes both, the second with --add")
    given = [
        name for name in ("passages", "teacher", "student", "dtype", "pool_factor", "device", "overwrite") if getattr(options, name)
    ]
    if not encodes and given:
        raise ValueError(f"{given[0].replace('_', '-')} has no meaning with {task}; see `optical index --help`")
    from ..search.hub_index import is_on_hub
    from ..search.opening import is_engine

    if is_on_hub(options.output) and not options.verify:
        raise ValueError(f"{options.output} is on the Hub and can only be read: change the index in a folder, and upload that")
    layout = [name for name in _LAYOUT if getattr(options, name)]
    if layout and not (encodes and not options.add and is_engine(options.output)):
        raise ValueError(f"--{layout[0].replace('_', '-')} is for a new Qdrant collection: --output http://HOST:6333/COLLECTION")
    if is_engine(options.output) and (options.compact or options.dtype == "int8"):
        raise ValueError("a Qdrant collection frees room by itself, and has --quantization int8 instead of --dtype int8")
    kept = [name for name in ("dtype", "pool_factor", "overwrite") if getattr(options, name)]
    if options.add and kept:
        raise ValueError(f"--{kept[0].replace('_', '-')} has no meaning with --add: the index keeps what it was made with")


def _change(options: Namespace) -> dict[str, Any] | None:
    """What there is to tell; None in all processes but the first."""
    from ..search.opening import build_index, open_index
    from ..search.processes import shared_build

    if options.verify:
        index = open_index(options.output)
        if problems := index.verify():
            raise ValueError(f"{'; '.join(problems)}: restore from a copy, or build the index again.")
        return _outcome(index) | {"verified": True}
    if options.delete or options.compact:
        index = open_index(options.output)
        index.delete(options.delete) if options.delete else index.compact()
        return _outcome(index)

    from ..data.passages import load_passages_with_metadata
    from ..models.pretrained import load_student, load_teacher
    from ..search.document_encoder import document_space

    ids, texts, metadata = load_passages_with_metadata(options.passages)
    processes = shared_build()
    encoder = load_student(options.student) if options.student else load_teacher(options.teacher)
    document_space(encoder)
    encoder = encoder.to(options.device or _device())
    if options.add:
        index = open_index(options.output)
        index.add(encoder, ids, texts, metadata, batch_size=options.batch_size)
    else:
        index = build_index(
            options.output,
            encoder,
            ids,
            texts,
            metadata,
            **_storage(options),
            pool_factor=options.pool_factor or 1,
            batch_size=options.batch_size,
            overwrite=options.overwrite,
        )
    return None if processes.get("process_index") else _outcome(index)


def _storage(options: Namespace) -> dict[str, Any]:
    from ..search.opening import is_engine
    from ..search.qdrant_settings import CollectionSettings

    dtype = options.dtype or "float16"
    if not is_engine(options.output):
        return {"dtype": dtype}
    indexes = dict(entry.rpartition("=")[::2] for entry in options.payload_index)
    layout = CollectionSettings(
        options.shards, options.replicas, dtype, options.quantization, options.on_disk, options.hnsw or 0, indexes
    )
    return {"layout": layout}


def _device() -> str:
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    import os

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"


def _outcome(index: DiskIndex | QdrantIndex) -> dict[str, Any]:
    if hasattr(index, "describe"):
        return index.describe()
    manifest = index.manifest
    stored = sum(entry.bytes for segment in manifest.segments for entry in segment.files.values())
    return {
        "index": str(index.folder),
        "passages": len(index),
        "deleted": manifest.documents - len(index),
        "tokens": sum(segment.tokens for segment in manifest.segments),
        "bytes": stored,
        "dtype": manifest.dtype,
        "pool_factor": manifest.pool_factor,
        "dim": manifest.dim,
        "teacher": {"name_or_path": manifest.teacher_name, "fingerprint": manifest.teacher_fingerprint},
        **({"encoders": manifest.encoders} if manifest.encoders else {}),
    }


def _text(outcome: dict[str, Any]) -> str:
    size, passages = outcome.get("bytes", 0), outcome["passages"]
    lines = [f"index: {outcome['index']}, {passages:,} passages"]
    if size:
        lines[0] += f", {outcome['tokens']:,} tokens, {size:,} bytes" + (f" ({size / passages:,.0f} a passage)" if passages else "")
    if outcome.get("deleted"):
        lines.append(f"deleted: {outcome['deleted']:,}, still on the disk: --compact frees their room")
    if outcome.get("verified"):
        lines.append("every file is whole")
    else:
        lines.append(f"next: optical search {outcome['index']} --student S 'your question'")
    return "\n".join(lines)
