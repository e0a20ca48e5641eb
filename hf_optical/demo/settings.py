"""What the demo shows and what it allows."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..search.lexical_side import check_weight

# environment variable of each setting, besides OPTICAL_STUDENTS
_VARIABLES = {
    "teacher": "OPTICAL_TEACHER",
    "index": "OPTICAL_INDEX",
    "lexical_weight": "OPTICAL_LEXICAL_WEIGHT",
    "spelling_variants": "OPTICAL_SPELLING_VARIANTS",
    "examples": "OPTICAL_EXAMPLES",
    "cache": "OPTICAL_DEMO_CACHE",
    "host": "OPTICAL_DEMO_HOST",
    "port": "OPTICAL_DEMO_PORT",
    "max_query_characters": "OPTICAL_DEMO_MAX_QUERY",
    "max_results": "OPTICAL_DEMO_MAX_RESULTS",
    "concurrency": "OPTICAL_DEMO_CONCURRENCY",
    "queue_size": "OPTICAL_DEMO_QUEUE",
    "threads": "OPTICAL_DEMO_THREADS",
}
_SWITCHED = {"1": True, "true": True, "0": False, "false": False}
# how a variable is read, by the type of its setting; others are text
_READ = {
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "bool": (lambda text: _SWITCHED[text.lower()], "1 or true, 0 or false"),
}
_LIMITS = ("max_query_characters", "max_results", "concurrency", "queue_size", "threads")


@dataclass(frozen=True)
class DemoSettings:
    """Models, index and limits of the demo.

    Attributes:
        students: name to folder or Hub name; a name that is a language code is the language it answers for. Given as a mapping, a
            list of `NAME=STUDENT` or `STUDENT`, or one text of them with commas. None at all: the embedded sample.
        teacher: folder or Hub name of the English teacher; empty: the one that the student, then the index, remembers
            (on the Hub with a revision, or a folder that is here).
        index: folder or address of the index, as `optical search` takes it, or `hf://datasets/OWNER/NAME@REVISION`; needed with
            students.
        lexical_weight: of BM25 of the question as it is typed, beside a student that has 1; 0: none. Above 0 the index must hold
            its texts here.
        spelling_variants: ask for words that a student does not know as they are spelt in English, too; needs the texts as well.
        examples: JSON Lines file of example questions (`text`, `language`, `relevant`, `english`), or a folder in BEIR layout.
        cache: folder for the models of the embedded sample.
        host, port: where to listen; port 0 is any free one.
        max_query_characters: of a question or sentence; longer ones are refused.
        max_results: passages in an answer, at most.
        concurrency: requests computed at a time.
        queue_size: requests that may wait; more are told to come back.
        threads: of a computation.

    Raises:
        ValueError: a value is out of range, a student's name is there twice, or students and index do not come together.

    Example:
        >>> DemoSettings(students="sw=org/optical-sw, org/optical-ha", index="passages").students
        {'sw': 'org/optical-sw', 'optical-ha': 'org/optical-ha'}
    """

    students: Mapping[str, str] | Sequence[str] | str = field(default_factory=dict)
    teacher: str = ""
    index: str = ""
    lexical_weight: float = 0.0
    spelling_variants: bool = False
    examples: str = ""
    cache: Path = field(default_factory=lambda: default_cache())
    host: str = "127.0.0.1"
    port: int = 7860
    max_query_characters: int = 500
    max_results: int = 10
    concurrency: int = 2
    queue_size: int = 64
    threads: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "students", _named(self.students))
        object.__setattr__(self, "cache", Path(self.cache).expanduser())
        for name in _LIMITS:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}.")
        check_weight(self.lexical_weight)
        if not isinstance(self.spelling_variants, bool):  # "0" would pass for true
            raise ValueError(f"spelling_variants must be True or False, got {self.spelling_variants!r}.")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be from 0 to 65535, got {self.port}.")
        if self.students and not self.index:
            raise ValueError("students need the English index that they search: give --index (or OPTICAL_INDEX).")
        if self.index and not self.students:
            raise ValueError("an index needs a student that searches it: give --student (or OPTICAL_STUDENTS).")

    @property
    def uses_sample(self) -> bool:
        """Whether the embedded sample is shown, since nothing else is given."""
        return not self.students

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: Any) -> DemoSettings:
        """Settings from OPTICAL_STUDENTS ("sw=org/optical-sw,ha=..."), OPTICAL_TEACHER, OPTICAL_INDEX,
        OPTICAL_LEXICAL_WEIGHT, OPTICAL_SPELLING_VARIANTS (1 or 0), OPTICAL_EXAMPLES and OPTICAL_DEMO_CACHE, _HOST, _PORT,
        _MAX_QUERY, _MAX_RESULTS, _CONCURRENCY, _QUEUE, _THREADS.

        Args:
            environment: default: that of the process.
            given: settings that win over the environment; None is as if not given.

        Raises:
            ValueError: as the constructor, or a variable is not a number, or not 1 or 0; it is named.

        Example:
            >>> DemoSettings.from_environment({"OPTICAL_DEMO_PORT": "8080"}, host="0.0.0.0").port
            8080
        """
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        if students := environment.get("OPTICAL_STUDENTS", "").strip():
            values["students"] = students
        # what Gradio Spaces set
        for name, variable in (("host", "GRADIO_SERVER_NAME"), ("port", "GRADIO_SERVER_PORT")):
            if environment.get(variable):
                values[name] = _value(name, variable, environment[variable])
        if environment.get("SPACE_ID"):
            values.setdefault("host", "0.0.0.0")
        for name, variable in _VARIABLES.items():
            if text := environment.get(variable, "").strip():
                values[name] = _value(name, variable, text)
        return cls(**values | {name: value for name, value in given.items() if value is not None})


def default_cache() -> Path:
    """The platform's folder for what can be made again."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "hf_optical"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hf_optical"
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "hf_optical"
    return Path.home() / ".cache" / "hf_optical"


def quiet_gradio() -> None:
    """Gradio looks up its version and counts its users unless told otherwise: to be called before it is imported."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def _value(name: str, variable: str, text: str) -> Any:
    kind = next(field.type for field in fields(DemoSettings) if field.name == name)
    if kind not in _READ:
        return text
    read, what = _READ[kind]
    try:
        return read(text)
    except (ValueError, KeyError):
        raise ValueError(f"{variable} is {text!r}: write {what}.") from None


def _named(students: Mapping[str, str] | Sequence[str] | str) -> dict[str, str]:
    """Name to student. Without a name, the last part of it: visitors see names, and paths are none of their business."""
    if isinstance(students, Mapping):
        pairs = [(str(name), str(value)) for name, value in students.items()]
    else:
        entries = students.split(",") if isinstance(students, str) else [str(entry) for entry in students]
        pairs = []
        for entry in filter(None, (entry.strip() for entry in entries)):
            name, equals, value = (part.strip() for part in entry.partition("="))
            if equals and not (name and value):
                raise ValueError(f"student {entry!r}: write NAME=STUDENT, as in sw=org/optical-sw.")
            pairs.append((name, value) if equals else (Path(entry).name, entry))
    named: dict[str, str] = {}
    for name, value in pairs:
        if name in named:
            raise ValueError(f"two students are named {name!r}: write OTHER_NAME={value} for the second.")
        named[name] = value
    return named
