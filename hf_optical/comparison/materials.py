"""What the runs share: teacher, collections, encoded passages, cleaned bitext, word alignments. Made once, kept on disk."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import DataError, load_bitext, load_questions, load_retrieval
from ..data.files import atomic_write
from .config import ComparisonConfig, Language
from .locks import locked
from .passages import collection_key, passage_index
from .spellings import Spellings

if TYPE_CHECKING:
    import torch

    from ..data import RetrievalCollection
    from ..lexicon import Lexicon, WordAlignment
    from ..models import OpticalTeacherModel
    from ..search import Bm25Index, ExactIndex, SpellingVariants

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedBitext:
    """Cleaned sentence pairs of a language, in one file.

    Attributes:
        path: TSV that `load_bitext` reads.
        pairs: their number.
        fingerprint: SHA-256 of the pairs.
    """

    path: Path
    pairs: int
    fingerprint: str

    def read(self) -> Iterator[tuple[str, str]]:
        """`(english, non_english)` in order."""
        with gzip.open(self.path, "rt", encoding="utf-8", newline="\n") as lines:
            next(lines)
            for line in lines:
                english, non_english, _ = line.rstrip("\n").split("\t")
                yield english, non_english


class Materials:
    """Reads or makes what runs need, when it is first asked for; several processes may do so at once.

    Args:
        config: the comparison.
    """

    def __init__(self, config: ComparisonConfig) -> None:
        self.config = config
        self._collections: dict[str, RetrievalCollection] = {}
        self._indexes: dict[str, ExactIndex] = {}
        self._spellings = Spellings()
        self._bitexts: dict[tuple[str, int | None], PreparedBitext] = {}

    @cached_property
    def device(self) -> torch.device:
        """Where models run: the GPU if there is one, unless a student is told to leave it alone."""
        import torch

        on_cpu = any(method.option("use_cpu").lower() == "true" for method in self.config.methods.values())
        return torch.device("cuda" if torch.cuda.is_available() and not on_cpu else "cpu")

    @cached_property
    def teacher(self) -> OpticalTeacherModel:
        from ..models.pretrained import load_teacher

        return load_teacher(self.config.teacher).to(self.device)

    def collection(self, name: str) -> RetrievalCollection:
        """Queries, passages and judgments of a language."""
        if name not in self._collections:
            language = self.config.languages[name]
            self._collections[name] = load_retrieval(language.benchmark, split=language.split, corpus=self._corpus(language))
        return self._collections[name]

    def index(self, name: str) -> ExactIndex:
        """The passages of a language, encoded by the teacher. One collection is held at a time."""
        collection = self.collection(name)
        key = collection_key(collection, self.teacher.fingerprint())
        if key not in self._indexes:
            self._indexes.clear()
            root = self.config.output / "teacher-embeddings"
            bf16 = any(method.option("bf16").lower() == "true" for method in self.config.methods.values())
            with locked(root / f"passages-{key}.lock"):
                self._indexes[key] = passage_index(self.teacher, collection, root, bf16=bf16)
        return self._indexes[key]

    def lexical_index(self, name: str, ngrams: int = 0) -> Bm25Index:
        """The passages of a language in BM25, over words or n-grams."""
        return self._spellings.lexical_index(self.collection(name), ngrams)

    def variants(self, name: str) -> SpellingVariants:
        """The English words of the passages of a language."""
        return self._spellings.variants(self.collection(name))

    def bitext(self, name: str, limit: int | None = None) -> PreparedBitext:
        """The sentence pairs of a language without test questions; the first `limit` of them.

        Cleaned once, so that every method sees the same pairs in the same order. Made anew if a source has changed.
        """
        if (name, limit) not in self._bitexts:
            language = self.config.languages[name]
            folder = self.config.output / "bitext"
            file = folder / f"{name}{'' if limit is None else f'-pairs-{limit}'}.tsv.gz"
            whole = None if limit is None else self.bitext(name)
            sources = [whole.fingerprint, limit] if whole else _identity_of_sources(language)
            with locked(file.with_name(f"{file.name}.lock")):
                record = file.with_name(file.name.removesuffix(".tsv.gz") + ".json")
                known = json.loads(record.read_text()) if record.exists() and file.exists() else {}
                if known.get("sources") != sources:
                    found = _head(whole, limit, file) if whole else _clean(language, self.questions(language), file)
                    known = {"sources": sources, **found}
                    with atomic_write(record) as out:
                        out.write((json.dumps(known, indent=1, ensure_ascii=False) + "\n").encode())
            self._bitexts[name, limit] = PreparedBitext(file, known["pairs"], known["fingerprint"])
        return self._bitexts[name, limit]

    def alignment(self, name: str, limit: int | None = None) -> WordAlignment:
        """Word alignment of the (first `limit`) sentence pairs of a language."""
        from ..lexicon import WordAlignment

        return WordAlignment.load(self.alignment_file(name, limit))

    def alignment_file(self, name: str, limit: int | None = None) -> Path:
        """Its file: computed once."""
        from ..lexicon import WordAlignment

        bitext = self.bitext(name, limit)
        file = self.config.output / "alignments" / f"{name}-{bitext.fingerprint[:12]}.json.gz"
        with locked(file.with_name(f"{file.name}.lock")):
            if not file.exists():
                WordAlignment.fit(bitext.read()).save(file)
        return file

    def lexicon(self, name: str) -> Lexicon:
        """The lexicon files of a language, joined."""
        from ..lexicon import Lexicon

        language = self.config.languages[name]
        if not language.lexicon:
            raise DataError(f"language {name!r} has no lexicon", path=self.config.path, fix="name its files: lexicon: [FILE]")
        first, *others = (Lexicon.read(file, language.code) for file in language.lexicon)
        for other in others:
            first = first.merge(other)
        return first

    def lexicon_file(self, name: str, limit: int | None, source: str) -> Path:
        """A file of the lexicon that is induced from the bitext, of the language's lexicon files, or of both together."""
        code = self.config.languages[name].code
        content = [self.bitext(name, limit).fingerprint] if source != "files" else []
        content += [digest_of(file) for file in self.config.languages[name].lexicon] if source != "induced" else []
        key = hashlib.sha256("/".join(content).encode()).hexdigest()[:12]
        file = self.config.output / "lexicons" / f"{name}-{source}-{key}.tsv"
        with locked(file.with_name(f"{file.name}.lock")):
            if not file.exists():
                lexicon = None if source == "files" else self.alignment(name, limit).lexicon(code)
                if source != "induced":
                    lexicon = self.lexicon(name) if lexicon is None else lexicon.merge(self.lexicon(name))
                lexicon.write(file)
        return file

    def questions(self, language: Language) -> list[str]:
        """Everything asked in the benchmark and the other folders to exclude, in both languages, whatever the split."""
        folders = dict.fromkeys((language.benchmark, *language.exclude))
        return [text for folder in folders for text in load_questions(folder, split=language.split)]

    def _corpus(self, language: Language) -> str | None:
        """The corpus of a language: named, in the folder of its benchmark, or that of all."""
        own = any((Path(language.benchmark) / name).is_file() for name in ("corpus.jsonl", "corpus.jsonl.gz"))
        return language.passages or (None if own else self.config.passages)


def digest_of(path: str | Path) -> str:
    """SHA-256 of a file, of the files of a folder or of a Moses prefix; of the name itself for a data set of the Hub."""
    path = Path(path)
    if path.is_file():
        files = [path]
    elif path.is_dir():
        files = sorted(entry for entry in path.rglob("*") if entry.is_file())
    else:
        files = sorted(path.parent.glob(f"{path.name}.*")) if path.parent.is_dir() else []
    if not files:
        return str(path)
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:24]


def _identity_of_sources(language: Language) -> dict[str, Any]:
    asked = [
        Path(folder) / name for folder in (language.benchmark, *language.exclude) for name in ("queries.jsonl", "queries.jsonl.gz")
    ]
    return {
        "language": language.code,
        "bitext": [digest_of(source) for source in language.bitext],
        "columns": dict(language.columns),
        "excluded": [digest_of(file) for file in asked if file.is_file()],
    }


def _clean(language: Language, questions: list[str], file: Path) -> dict[str, Any]:
    columns = dict(language.columns)
    bitext = load_bitext(
        list(language.bitext),
        language=language.code,
        english_column=columns.get("english_column", "english"),
        non_english_column=columns.get("non_english_column", "non_english"),
        split=columns.get("bitext_split", "train"),
        config=columns.get("bitext_config"),
        exclude=questions,
    )
    bitext.write_tsv(file)
    logger.info("%s", bitext.report.table())
    return {"pairs": len(bitext), "fingerprint": bitext.fingerprint, "report": bitext.report.to_dict()}


def _head(whole: PreparedBitext, limit: int, file: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with gzip.open(whole.path, "rb") as lines, atomic_write(file) as out:
        out.write(next(lines))
        pairs = 0
        for line in islice(lines, limit):
            pairs += 1
            out.write(line)
            digest.update(b"\t".join(line.rstrip(b"\n").split(b"\t")[:2]) + b"\n")
    return {"pairs": pairs, "fingerprint": digest.hexdigest()}
