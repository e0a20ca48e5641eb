"""What a student is trained on: bitext, code-switched English, and the passages of a ranking loss."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from tqdm.auto import tqdm

from ..data import DataError, load_passages, load_triples
from ..data.code_switching import CodeSwitcher
from ..lexicon import Lexicon, WordAlignment
from ..search import Bm25Index
from ..training.embedding_cache import EmbeddingCache
from .settings import DistillSettings

if TYPE_CHECKING:
    from datasets import Dataset

    from ..data import Bitext
    from ..models import OpticalTeacherModel
    from ..training import OpticalTrainingArguments

logger = logging.getLogger(__name__)


@dataclass
class TrainingData:
    """Examples with the columns `english`, `non_english` and, for a ranking loss, `documents`, rows of `passages`.

    Attributes:
        examples: in a fixed order.
        passages: the teacher's embeddings, if there is a ranking loss.
        report: what was put together: counts by kind, words switched.
    """

    examples: Dataset
    passages: EmbeddingCache | None
    report: dict[str, object]


def build_training_data(
    settings: DistillSettings,
    args: OpticalTrainingArguments,
    teacher: OpticalTeacherModel,
    bitexts: Sequence[Bitext],
    pairs: Dataset,
    alignments: Sequence[WordAlignment | None],
) -> TrainingData:
    """Put the examples together.

    Args:
        settings, args: `pairs`, `code_switch`, `lexicon`, `triples`, `passages`, `english_share`, `ranking`, `seed` are used.
        teacher: encodes the passages.
        bitexts: one for each language.
        pairs: their pairs, without those held out.
        alignments: of each bitext, where it is known already.

    Raises:
        DataError: what a setting needs is missing or broken.
    """
    passages = _Passages(settings.passages) if args.ranking != "none" else None
    rows: list[dict[str, object]] = []
    report: dict[str, object] = {}
    if settings.pairs in ("bitext", "both"):
        rows += [{"english": e, "non_english": f} for e, f in zip(pairs["english"][:], pairs["non_english"][:], strict=True)]
        report["bitext"] = len(rows)
        if args.ranking == "kl":
            _add_similar_passages(rows, passages, settings.ranking_documents, args.seed)
    if settings.pairs in ("switched", "both"):
        switched, report["switching"] = _switched(settings, args, bitexts, pairs, alignments, passages)
        rows += switched
        report["switched"] = len(switched)
    if settings.english_share:
        chosen = random.Random(args.seed).sample(range(len(pairs)), round(settings.english_share * len(pairs)))
        english = pairs.select(chosen)["english"][:]
        rows += [{"english": text, "non_english": text} for text in english]
        report["English on both sides"] = len(english)
    if passages and not any(row.get("documents") for row in rows):
        problem = f"ranking {args.ranking} has no passages to learn from"
        raise DataError(problem, fix="give --triples and --pairs switched or both, or --ranking kl and --passages")
    if args.loss == "none" and (idle := sum(not row.get("documents") for row in rows)):
        problem = f"with loss none, {idle} of {len(rows)} examples teach nothing: they have no passages"
        raise DataError(problem, fix="give a --loss between sentences, or --pairs switched without --english_share")
    cache = passages.encode(teacher, args) if passages else None
    return TrainingData(_dataset(rows, with_documents=passages is not None), cache, report)


def _switched(
    settings: DistillSettings,
    args: OpticalTrainingArguments,
    bitexts: Sequence[Bitext],
    pairs: Dataset,
    alignments: Sequence[WordAlignment | None],
    passages: _Passages | None,
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Code-switched queries of the triples with their passages, or else code-switched English sides of the bitext."""
    if settings.lexicon:
        if len(settings.lexicon) != len(bitexts):
            problem = f"{len(settings.lexicon)} lexicons for {len(bitexts)} languages"
            raise DataError(problem, fix="give one for each --language, in the same order, or none")
        lexicons = [Lexicon.read(path, bitext.language) for path, bitext in zip(settings.lexicon, bitexts, strict=True)]
    else:
        lexicons = [
            (known or WordAlignment.fit(bitext.pairs())).lexicon(bitext.language)
            for bitext, known in zip(bitexts, alignments, strict=True)
        ]
    switcher = CodeSwitcher(lexicons, settings.code_switch, args.seed)
    if not settings.triples:
        english = pairs["english"][:]
        rows = [{"english": e, "non_english": f} for e, f in zip(english, switcher.switch_all(english), strict=True)]
        return rows, switcher.report()
    corpus = passages.texts_by_id if passages else None
    if corpus is None and settings.passages:
        corpus = dict(zip(*load_passages(settings.passages), strict=True))
    triples = load_triples(settings.triples, corpus)
    queries = triples["query"][:]
    rows = [{"english": e, "non_english": f} for e, f in zip(queries, switcher.switch_all(queries), strict=True)]
    if passages:
        for row, positive, negatives in zip(rows, triples["positive"][:], triples["negatives"][:], strict=True):
            row["documents"] = [passages.row(text) for text in (positive, *negatives[:1])]
    return rows, switcher.report()


class _Passages:
    """Texts numbered in the order in which they come; equal texts are one."""

    def __init__(self, path: str | None) -> None:
        self.ids, self.texts = load_passages(path) if path else ([], [])
        self.texts_by_id = dict(zip(self.ids, self.texts, strict=True)) if path else None
        self._row: dict[str, int] = {}
        for i, text in enumerate(self.texts):
            self._row.setdefault(text, i)

    def row(self, text: str) -> int:
        if text not in self._row:
            self._row[text] = len(self.texts)
            self.texts.append(text)
        return self._row[text]

    def encode(self, teacher: OpticalTeacherModel, args: OpticalTrainingArguments) -> EmbeddingCache:
        """The teacher's embeddings, from `teacher_cache` or below the output folder."""
        processor = teacher.processor
        ids = processor.token_ids(self.texts, processor.document_marker, teacher.config.document_length)
        root = args.teacher_cache or Path(args.output_dir) / "teacher-embeddings"
        teacher.to(args.device)
        share = {"process_index": args.process_index, "num_processes": args.world_size}
        with torch.autocast(args.device.type, torch.bfloat16, enabled=args.bf16):
            return EmbeddingCache.build(root, teacher, ids, side="document", batch_size=32, wait=_wait, **share)


def _wait() -> None:
    from accelerate import PartialState

    PartialState().wait_for_everyone()


def _add_similar_passages(rows: Sequence[dict[str, object]], passages: _Passages, count: int, seed: int) -> None:
    """For each English sentence the passages nearest to it by BM25, and a quarter chosen blindly: what the teacher is to rank."""
    if len(passages.texts) < count:
        problem = f"{len(passages.texts)} passages, but --ranking_documents is {count}"
        raise DataError(problem, fix="give --passages with more of them, or fewer documents")
    blind = max(1, count // 4)
    index = Bm25Index([str(i) for i in range(len(passages.texts))], passages.texts)
    draw = random.Random(seed)
    for row in tqdm(rows, desc="passages for every sentence", unit="sentence"):
        near = [int(i) for i, _ in index.search([str(row["english"])], count - blind)[0]]
        while len(near) < count:
            other = draw.randrange(len(passages.texts))
            if other not in near:
                near.append(other)
        row["documents"] = near


def _dataset(rows: list[dict[str, object]], with_documents: bool) -> Dataset:
    from datasets import Dataset

    columns: dict[str, list] = {name: [row[name] for row in rows] for name in ("english", "non_english")}
    if with_documents:
        columns["documents"] = [row.get("documents", []) for row in rows]
    return Dataset.from_dict(columns)
