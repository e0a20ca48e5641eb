"""The configuration of a comparison: languages, methods and what all of them share. Every mistake is told with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from ..data.errors import DataError, did_you_mean
from ..data.languages import check_non_english, language_name
from .fused_method import is_fused, read_fused
from .method_reading import read_method, read_training
from .methods import CEILING, SYSTEMS, Method
from .yaml_nodes import Node, read_yaml

MAIN_METRIC = "recall@10"
_KEYS = (
    "teacher", "passages", "triples", "output", "seeds", "reference", "baseline", "paper", "code_switched", "k", "languages",
    "training", "methods", "keep_models",
)  # fmt: skip
_LANGUAGE_KEYS = (
    "bitext", "benchmark", "split", "group", "exclude", "passages", "lexicon", "code", "title", "english_column",
    "non_english_column", "bitext_split", "bitext_config",
)  # fmt: skip
_COLUMNS = ("english_column", "non_english_column", "bitext_split", "bitext_config")
# Names of methods and languages are names of folders.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class Language:
    """A language to evaluate on, and perhaps to train with.

    Attributes:
        name: as it is called in the configuration.
        code: ISO 639 code.
        title: name in tables.
        group: languages of one group are averaged, such as `low` and `high`.
        bitext: sources of sentence pairs; none: no method can be trained on it.
        benchmark: collection in BEIR layout: a folder or Hub name.
        split: `qrels/SPLIT.tsv`.
        exclude: BEIR folders whose queries must not be in the bitext; the benchmark itself always is one.
        passages: corpus file, where the benchmark has none and it is not the one of all languages.
        lexicon: MUSE or TSV files.
        columns: how the bitext is read, see `load_bitext`.
    """

    name: str
    code: str
    title: str
    group: str
    bitext: tuple[str, ...]
    benchmark: str
    split: str = "test"
    exclude: tuple[str, ...] = ()
    passages: str | None = None
    lexicon: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonConfig:
    """What `optical compare` compares.

    Attributes:
        path: the file it was read from.
        teacher: English teacher, which encodes the documents of all.
        output: folder of everything that is written.
        languages, methods: by name, in the order of the file; the teacher on English queries is always among the methods.
        reference: the method that the others are tested against.
        baseline, paper: further ones to test against: the baseline to beat, and the transport distillation of the paper (in the
            answer to the research question; default: the reference).
        code_switched: the code-switched models of that answer; empty: found by their settings.
        passages: corpus of all languages whose benchmark has none.
        triples: English (query, positive, negatives), for methods that train on them.
        seeds: of methods that are trained.
        k: cut-offs of recall; 10 is always among them.
        keep_models: keep the trained students and translators beside their results.
    """

    path: Path
    teacher: str
    output: Path
    languages: Mapping[str, Language]
    methods: Mapping[str, Method]
    reference: str
    baseline: str | None = None
    paper: str | None = None
    code_switched: tuple[str, ...] = ()
    passages: str | None = None
    triples: str | None = None
    seeds: tuple[int, ...] = (13,)
    k: tuple[int, ...] = (1, 10, 100)
    keep_models: bool = True

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics of the tables."""
        return [*(f"recall@{k}" for k in self.k), "mrr@10", "ndcg@10"]

    @property
    def references(self) -> list[str]:
        """The methods that the others are tested against, without repetition."""
        return list(dict.fromkeys(name for name in (self.reference, self.paper, self.baseline) if name))

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group -> names of its languages, two or more; `all` last, where the languages are of several groups."""
        groups: dict[str, list[str]] = {}
        for language in self.languages.values():
            groups.setdefault(language.group, []).append(language.name)
        if len(groups) > 1:
            groups["all"] = list(self.languages)
        return {name: members for name, members in groups.items() if len(members) > 1}

    def seeds_of(self, method: Method) -> tuple[int, ...] | tuple[None]:
        """Its seeds; of a method that is not trained, None once."""
        return (method.seeds or self.seeds) if method.has_seeds else (None,)


def load_config(path: str | PathLike[str]) -> ComparisonConfig:
    """Read and check a configuration, without reading any data.

    Raises:
        DataError: an unknown key (the near one is suggested), a missing or wrong value; with file and line.
    """
    root = read_yaml(path)
    top = root.mapping("setting", _KEYS)
    for name in ("teacher", "output", "languages", "methods"):
        if name not in top or top[name].is_null:
            raise root.error(f"{name!r} is missing", "see configs/compare.yaml")
    top = {name: node for name, node in top.items() if not node.is_null}
    languages = {name: _language(name, node) for name, node in _named(top["languages"], "language").items()}
    training = read_training(top.get("training"))
    has_bitext = {name: bool(language.bitext) for name, language in languages.items()}
    named = _named(top["methods"], "method")
    plain = {name: read_method(name, node, training, has_bitext) for name, node in named.items() if not is_fused(node)}
    methods: dict[str, Method] = {}
    for name, node in named.items():
        # a fusion may be made of a plain method, wherever that stands, or of a fusion before it
        methods[name] = plain.get(name) or read_fused(name, node, {**plain, **methods})
    if not any(method.system == CEILING for method in methods.values()):
        name = f"{CEILING}_" if CEILING in methods else CEILING
        methods = {name: Method(name, SYSTEMS[CEILING].title, CEILING, {})} | methods
    chosen = {name: _one_of(top[name], methods) for name in ("reference", "baseline", "paper") if name in top}
    switched = tuple(_one_of(node, methods) for node in top["code_switched"].items()) if "code_switched" in top else ()
    k = {node.whole(1) for node in top["k"].items()} if "k" in top else {1, 10, 100}
    return ComparisonConfig(
        path=Path(path),
        teacher=top["teacher"].text(),
        output=Path(top["output"].text()),
        languages=languages,
        methods=methods,
        reference=chosen.get("reference") or _default_reference(methods),
        baseline=chosen.get("baseline"),
        paper=chosen.get("paper"),
        code_switched=switched,
        passages=top["passages"].text() if "passages" in top else None,
        triples=top["triples"].text() if "triples" in top else None,
        seeds=_distinct(top["seeds"]) if "seeds" in top else (13,),
        k=tuple(sorted(k | {10})),
        keep_models=top["keep_models"].switch() if "keep_models" in top else True,
    )


def _language(name: str, node: Node) -> Language:
    entries = {key: entry for key, entry in node.mapping("setting of a language", _LANGUAGE_KEYS).items() if not entry.is_null}
    if "benchmark" not in entries:
        raise node.error(f"language {name!r} has no benchmark", "name a folder in BEIR layout")
    try:
        code = check_non_english(entries["code"].text() if "code" in entries else name)
    except DataError as error:
        fix = "" if "code" in entries else "; or give its code beside the benchmark (code: sw), and the key is only a name"
        raise entries.get("code", node).error(f"{error}{fix}") from None
    return Language(
        name=name,
        code=code,
        title=entries["title"].text() if "title" in entries else language_name(code) if name == code else name,
        group=entries["group"].text() if "group" in entries else "all",
        bitext=entries["bitext"].texts() if "bitext" in entries else (),
        benchmark=entries["benchmark"].text(),
        split=entries["split"].text() if "split" in entries else "test",
        exclude=entries["exclude"].texts() if "exclude" in entries else (),
        passages=entries["passages"].text() if "passages" in entries else None,
        lexicon=entries["lexicon"].texts() if "lexicon" in entries else (),
        columns={key: entries[key].text() for key in _COLUMNS if key in entries},
    )


def _named(node: Node, what: str) -> dict[str, Node]:
    entries = node.mapping(what)
    if not entries:
        raise node.error(f"there is no {what}", "see configs/compare.yaml")
    for name, entry in entries.items():
        if not _NAME.fullmatch(name):
            fix = "it is the name of a folder: letters, digits, and . _ + - between them; `title:` is free"
            raise entry.error(f"{name!r} cannot be the name of a {what}", fix)
    lower: dict[str, str] = {}
    for name, entry in entries.items():  # not every file system tells A from a
        if lower.setdefault(name.lower(), name) != name:
            raise entry.error(f"{name!r} and {lower[name.lower()]!r} differ by case only", f"rename one {what}")
    return entries


def _one_of(node: Node, methods: Iterable[str]) -> str:
    name = node.text()
    if name not in methods:
        raise node.error(f"there is no method {name!r}", did_you_mean(name, methods) or f"the methods are {', '.join(methods)}")
    return name


def _distinct(node: Node) -> tuple[int, ...]:
    seeds = tuple(entry.whole(0) for entry in node.items())
    if not seeds or len(set(seeds)) < len(seeds):
        raise node.error("a seed is given twice" if seeds else "no seed is given", "give different whole numbers")
    return seeds


def _default_reference(methods: Mapping[str, Method]) -> str:
    """`optical`, else the first student, else the first method that is not given the English queries."""
    if "optical" in methods:
        return "optical"
    order = sorted(methods.values(), key=lambda method: (method.system != "student", method.is_english))
    return order[0].name
