"""Data sets read through `datasets`: by name from the Hub, or from a local folder. Every failure is one `DataError`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DataError, did_you_mean
from .rows import BitextRow, Columns, text_value

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

_DATA_ENDINGS = (".parquet", ".arrow", ".jsonl", ".json", ".csv", ".tsv", ".txt", ".gz", ".zst", ".zip")


def is_hub_name(source: str) -> bool:
    """Whether the text can be a data set's name: `name` or `owner/name`, with no such folder here to mean instead."""
    parts = source.split("/")
    for part in parts:
        if not part or part[0] in ".~" or not part.replace("-", "").replace("_", "").replace(".", "").isalnum():
            return False
    return len(parts) == 1 or (len(parts) == 2 and not Path(parts[0]).is_dir())


def _reading_errors() -> tuple[type[Exception], ...]:
    """What reading can raise: files, Arrow, `datasets`, and the HTTP client, whose errors are not all `OSError`."""
    import datasets
    import httpx
    import pyarrow as pa

    return OSError, pa.ArrowException, datasets.exceptions.DatasetsError, httpx.HTTPError


@contextmanager
def dataset_errors(name: str | Path) -> Iterator[None]:
    """Turns what `datasets` raises into one `DataError`."""
    try:
        yield
    except DataError:
        raise
    except (ValueError, LookupError, RuntimeError, *_reading_errors()) as error:
        place = "this folder" if Path(name).is_dir() else "no file here, and no data set that can be reached"
        fix = "check the name, config=, split= and revision=, and the connection where it is on the Hub"
        raise DataError(f"{place} ({_reason(error)})", path=name, fix=fix) from error


def open_dataset(
    name: str | Path,
    *,
    split: str,
    config: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
) -> Dataset | IterableDataset:
    """One split of a data set on the Hub, in a local folder, or saved with `save_to_disk`.

    Raises:
        DataError: There is no such data set, configuration, revision or split, or it cannot be reached or read.
    """
    import datasets

    folder = Path(name)
    with dataset_errors(name):
        if folder.is_dir():
            if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
                return _saved(folder, split)
            if not any(entry.name.lower().endswith(_DATA_ENDINGS) for entry in folder.rglob("*")):
                problem = "a folder without data files (.parquet, .jsonl, .tsv, .csv, ...)"
                raise DataError(problem, path=name, fix="name a file, or a folder that holds a data set")
        available = datasets.get_dataset_split_names(str(name), config, revision=revision)
        if split not in available:
            hint = did_you_mean(split, available) or f"the splits are {', '.join(available)}"
            raise DataError(f"no split {split!r}", path=name, fix=hint)
        return datasets.load_dataset(str(name), config, split=split, revision=revision, streaming=streaming)


def delimited_files(folder: Path, split: str, config: str | None = None) -> list[Path]:
    """The TSV and CSV files of a split of a plain folder; none where it has a README.md or files of other kinds.

    Such files are read by this package: `datasets` would take quotes in TSV for quoting and the word "NA" for null.
    """
    import datasets

    ours = [entry for entry in folder.rglob("*") if entry.name.lower().removesuffix(".gz").endswith((".tsv", ".csv"))]
    if not ours or config is not None or (folder / "README.md").is_file():
        return []
    with dataset_errors(folder):
        found = datasets.load_dataset_builder(str(folder)).config.data_files or {}
        files = {str(name): paths for name, paths in found.items()}
        if split not in files:
            hint = did_you_mean(split, files) or f"the splits are {', '.join(files)}"
            raise DataError(f"no split {split!r}", path=folder, fix=hint)
    chosen = sorted(Path(file) for file in files[split])
    return chosen if {path.resolve() for path in chosen} <= {path.resolve() for path in ours} else []


def _saved(folder: Path, split: str) -> Dataset:
    import datasets

    saved = datasets.load_from_disk(str(folder))
    if isinstance(saved, datasets.Dataset):
        return saved
    if split not in saved:
        hint = did_you_mean(split, saved) or f"the splits are {', '.join(saved)}"
        raise DataError(f"no split {split!r}", path=folder, fix=hint)
    return saved[split]


def _reason(error: BaseException) -> str:
    """What went wrong at the bottom: `datasets` wraps the cause of a failed build in a general message."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error)[:300]}"


def column_names(data: Dataset | IterableDataset, name: str | Path) -> list[str]:
    """Names of the columns; a stream that does not know them is asked for its first row.

    Raises:
        DataError: The data set holds no row.
    """
    if data.column_names is not None:
        return list(data.column_names)
    first = next(iter(data), None)
    if first is None:
        raise DataError("the data set holds no row", path=name, fix="check config= and split=")
    return list(first)


def records(data: Dataset | IterableDataset, columns: list[str], name: str | Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """`(row number from 1, record)` with these columns only, read in batches.

    Raises:
        DataError: Reading fails on the way (a broken file, a lost connection).
    """
    number = 0
    try:
        for batch in data.select_columns(columns).iter(batch_size=1000):
            for values in zip(*(batch[column] for column in columns), strict=True):
                number += 1
                yield number, dict(zip(columns, values, strict=True))
    except _reading_errors() as error:
        raise DataError(f"cannot be read after row {number:,}: {_reason(error)}", path=name, fix="try again") from error


def dataset_pairs(
    name: str | Path,
    wanted: Columns,
    *,
    split: str,
    config: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
) -> Iterator[BitextRow]:
    """Sentence pairs of a data set, in two columns or in a `translation` column; `line` is the row, from 1.

    Raises:
        DataError: As `open_dataset`; a column is missing; a value is not text.
    """
    data = open_dataset(name, split=split, config=config, revision=revision, streaming=streaming)
    names = column_names(data, name)
    chosen = ["translation"] if wanted.check(names, name) else [wanted.english, wanted.non_english]
    chosen += [column for column in names if column == "source"]
    shown = Path(name).name if Path(name).exists() else str(name)
    for line, record in records(data, chosen, name):
        english, non_english = wanted.of_record(record, name, line)
        source = record.get("source")
        origin = text_value(source, name, line, "source").strip() or shown
        yield BitextRow(line, english, non_english, origin, shown)
