"""A small world to compare methods in: two invented languages, a teacher that knows neither, and a configuration."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

# words that the tiny tokenizer has as they are
_TEXT = """
the maize farm water market child school health river seed rain soil harvest price doctor lake mountain village book king trade
ship tree bird lion sun day road bus store
"""
WORDS = _TEXT.split()
FIRST = {word: word[::-1] + "a" for word in WORDS}
SECOND = {word: "zu" + word[1:] for word in WORDS}

CONFIG = """\
teacher: teacher
output: out
seeds: [1, 2]
languages:
  first: {code: sw, bitext: first.tsv, benchmark: first, group: low}
  second: {code: ha, bitext: [second.tsv], benchmark: second, group: low, title: Second}
training:
  {max_steps: 3, per_device_train_batch_size: 8, learning_rate: 1e-3, do_query_expansion: false, use_cpu: true, save_steps: 2}
methods:
  bm25: {system: bm25}
  zero-shot: {system: zero_shot}
  optical: {loss: optical}
  mse: {loss: mse}
"""


@pytest.fixture(scope="session")
def world_source(tmp_path_factory: pytest.TempPathFactory, tiny_teacher) -> Path:
    folder = tmp_path_factory.mktemp("world")
    copy.deepcopy(tiny_teacher).save_pretrained(folder / "teacher")
    draw = random.Random(0)
    english = list(dict.fromkeys(" ".join(draw.sample(WORDS, k=draw.randint(2, 7))) for _ in range(90)))
    for name, lexicon in (("first", FIRST), ("second", SECOND)):
        foreign = [" ".join(lexicon[word] for word in text.split()) for text in english]
        rows = "".join(f"{e}\t{f}\n" for e, f in zip(english[20:], foreign[20:], strict=True))
        (folder / f"{name}.tsv").write_text("english\tnon_english\n" + rows)
        (folder / name / "qrels").mkdir(parents=True)
        corpus = [{"_id": f"d{i}", "title": "", "text": f"{text} drink clean"} for i, text in enumerate(english[:30])]
        queries = [{"_id": f"{name}-{i}", "text": foreign[i], "english": english[i]} for i in range(20)]
        (folder / name / "corpus.jsonl").write_text(lines(corpus))
        (folder / name / "queries.jsonl").write_text(lines(queries))
        judged = "".join(f"{name}-{i}\td{i}\t1\n" for i in range(20))
        (folder / name / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    triples = [{"query": text, "positive": f"{text} clean", "negatives": [english[i - 1]]} for i, text in enumerate(english[30:])]
    (folder / "triples.jsonl").write_text(lines(triples))
    (folder / "compare.yaml").write_text(CONFIG)
    return folder


@pytest.fixture
def world(world_source, tmp_path, monkeypatch) -> Path:
    """The current folder: `teacher`, `first.tsv`, `second.tsv`, their benchmarks `first` and `second`, `compare.yaml`."""
    folder = tmp_path / "world"
    shutil.copytree(world_source, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def finished_source(world_source, tmp_path_factory) -> Path:
    from hf_optical.commands.compare import run

    folder = tmp_path_factory.mktemp("finished") / "world"
    shutil.copytree(world_source, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(["compare.yaml"])
    return folder


@pytest.fixture
def finished(finished_source, tmp_path, monkeypatch) -> Path:
    """As `world`, after `optical compare compare.yaml`."""
    folder = tmp_path / "finished"
    shutil.copytree(finished_source, folder)
    monkeypatch.chdir(folder)
    return folder


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def configure() -> Callable[..., str]:
    """`configure((old, new), ..., methods=None)`: write compare.yaml with texts or all methods replaced."""

    def write(*changes: tuple[str, str], methods: str | None = None) -> str:
        text = CONFIG
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        if methods is not None:
            text = text[: text.index("methods:\n")] + "methods:\n" + methods
        Path("compare.yaml").write_text(text)
        return "compare.yaml"

    return write
