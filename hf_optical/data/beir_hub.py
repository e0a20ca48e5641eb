"""Retrieval collections as data sets: the configurations that BEIR and its successors use on the Hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .collection import CollectionBuilder
from .errors import DataError, did_you_mean
from .fields import identifier
from .files import existing_file
from .hub import column_names, dataset_errors, is_hub_name, open_dataset, records


def fill_from_dataset(name: str, builder: CollectionBuilder, *, split: str, config: str | None, revision: str | None) -> None:
    """Read corpus (unless `builder` has one), queries and judgements of a data set into `builder`.

    Args:
        name: Name on the Hub, or a local folder with the same configurations.
        split: Split of the judgements.
        config: Prefix of the configurations of one language: `sw` of `sw-corpus`, `sw-queries`, `sw-qrels`.

    Raises:
        DataError: The data set or a configuration, split, field or id in it is missing, or does not fit.
    """
    configs = _configs(name, revision)
    prefix = "" if config is None else f"{config}-"
    if not builder.documents:
        found = _config(name, configs, [f"{prefix}corpus"])
        for line, record in _rows(name, found, _split(name, found, ("corpus", split), revision), revision):
            builder.add_document(record, _place(name, found), line)
    found = _config(name, configs, [f"{prefix}queries"])
    for line, record in _rows(name, found, _split(name, found, ("queries", split), revision), revision):
        builder.add_query(record, _place(name, found), line)
    wanted = [f"{prefix}qrels", config or "default"]
    if any(candidate in configs for candidate in wanted):
        _judgements(name, _config(name, configs, wanted), builder, split, revision)
    else:
        # A revision names a commit of one repository: the judgements beside it are read as they stand.
        _judgements(f"{name}-qrels", None, builder, split, None)


def fill_corpus(name: str, builder: CollectionBuilder, *, revision: str | None = None) -> None:
    """Put in the documents of a data set: of its configuration `corpus`, or of the only one that it has.

    Raises:
        DataError: The data set or its corpus is missing, or a record has no id or no text.
    """
    configs = _configs(name, revision)
    found = configs[0] if len(configs) == 1 else _config(name, configs, ["corpus"])
    for line, record in _rows(name, found, _split(name, found, ("corpus", "train"), revision), revision):
        builder.add_document(record, _place(name, found), line)


def _configs(name: str, revision: str | None) -> list[str]:
    import datasets

    folder = Path(name)
    if folder.is_dir() and not (folder / "README.md").is_file():
        fix = "give a folder with corpus.jsonl, queries.jsonl and qrels/, or a data set with its README.md"
        raise DataError("no queries.jsonl or queries.jsonl.gz", path=name, fix=fix)
    if not folder.is_dir() and not is_hub_name(name):
        existing_file(folder)
        raise DataError("a file, not a collection", path=name, fix="name the folder that holds it")
    with dataset_errors(name):
        return datasets.get_dataset_config_names(name, revision=revision)


def _judgements(name: str, config: str | None, builder: CollectionBuilder, split: str, revision: str | None) -> None:
    place = _place(name, config)
    for line, record in _rows(name, config, split, revision):
        query = identifier(record, ("query-id", "query_id", "qid"), place, line)
        document = identifier(record, ("corpus-id", "corpus_id", "docid"), place, line)
        if "score" not in record:
            problem = f"missing; the fields are {', '.join(map(repr, record))}"
            raise DataError(problem, path=place, line=line, column="score", fix="give every judgement a score")
        builder.add_judgement(query, document, record["score"], place, line)


def _place(name: str, config: str | None) -> str:
    return name if config is None else f"{name} ({config})"


def _config(name: str, configs: list[str], wanted: list[str]) -> str:
    for candidate in wanted:
        if candidate in configs:
            return candidate
    known = f"the configurations are {', '.join(configs)}"
    prefixes = [each.removesuffix("-corpus") for each in configs if each.endswith("-corpus")]
    fix = f"pass config= with one of {', '.join(prefixes)}" if prefixes else did_you_mean(wanted[0], configs) or known
    raise DataError(f"no configuration {wanted[0]!r}", path=name, fix=fix)


def _split(name: str, config: str, wanted: tuple[str, ...], revision: str | None) -> str:
    """The split that holds the texts: named after the configuration, after the judgements' split, or the only one."""
    import datasets

    with dataset_errors(name):
        splits = datasets.get_dataset_split_names(name, config, revision=revision)
    for candidate in wanted:
        if candidate in splits:
            return candidate
    if len(splits) == 1:
        return splits[0]
    problem = f"no split {' or '.join(map(repr, wanted))} among {', '.join(splits)}"
    raise DataError(problem, path=_place(name, config), fix="choose another with split=")


def _rows(name: str, config: str | None, split: str, revision: str | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    data = open_dataset(name, split=split, config=config, revision=revision)
    return records(data, column_names(data, name), name)
