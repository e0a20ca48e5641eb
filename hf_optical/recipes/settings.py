"""What a teacher and a student are made from: data, encoder, where to evaluate. How they are trained is in `training.arguments`."""

# No `from __future__ import annotations`: HfArgumentParser needs the real types.
from dataclasses import dataclass, field


def _setting(default: object = None, *, help: str) -> object:
    return field(default=default, metadata={"help": help})


@dataclass
class DevelopmentSettings:
    """Where to evaluate during training (BEIR layout)."""

    development: str | None = _setting(help="Collection to evaluate on during training: a BEIR folder or Hub name.")
    development_split: str = _setting("dev", help="Its qrels: qrels/SPLIT.tsv.")
    development_passages: str | None = _setting(help="Its corpus, where it is not in the same folder.")
    resume: bool = _setting(False, help="Go on from the last complete checkpoint in the output folder.")
    overwrite: bool = _setting(False, help="Replace what is in the output folder.")


@dataclass
class TeachSettings(DevelopmentSettings):
    """Data and encoder of a teacher."""

    encoder: str | None = _setting(help="English encoder to start from: a folder or Hub name.")
    triples: str | None = _setting(help="(query, positive, negatives): JSONL by ids or by text, or TSV.")
    passages: str | None = _setting(help="Passages that the triples name by id (JSONL with _id, title, text).")
    limit: int | None = _setting(help="Use the first N triples only.")
    embedding_dim: int = _setting(128, help="Length of a token embedding.")
    query_length: int = _setting(32, help="Tokens of a query.")
    document_length: int = _setting(180, help="Tokens of a document.")
    do_query_expansion: bool = _setting(True, help="Fill queries up with [MASK].")
    attend_to_expansion_tokens: bool = _setting(False, help="Let the query attend to the [MASK]s.")


@dataclass
class DistillSettings(DevelopmentSettings):
    """Data, teacher and encoder of a student."""

    teacher: str | None = _setting(help="The English teacher: a folder or Hub name (ours, or any ColBERT).")
    teacher_revision: str | None = _setting(help="Its revision on the Hub.")
    bitext: list[str] = field(
        default_factory=list,
        metadata={"help": "Sentence pairs: TSV, CSV, JSONL, TMX, Moses prefix, or a Hub dataset. Several are joined."},
    )
    language: str | None = _setting(help="ISO 639-1 code of the language, such as sw.")
    english_column: str = _setting("english", help="Column of the English sentences.")
    non_english_column: str = _setting("non_english", help="Column of the other sentences.")
    bitext_split: str = _setting("train", help="Split, of a Hub dataset.")
    bitext_streaming: bool = _setting(False, help="Read a Hub dataset as a stream, instead of downloading it first.")
    bitext_config: str | None = _setting(help="Configuration, of a Hub dataset.")
    limit: int | None = _setting(help="Use the first N pairs only.")
    exclude: list[str] = field(
        default_factory=list,
        metadata={"help": "BEIR folders whose queries must not be in the bitext; pairs with one are left out and counted."},
    )
    encoder: str | None = _setting(help="Multilingual encoder to start from; default: a copy of the teacher's.")
    query_length: int | None = _setting(help="Tokens of a query; default: the teacher's.")
    do_query_expansion: bool | None = _setting(help="Fill queries up with [MASK]; default: as the teacher.")
    eval_pairs: int = _setting(0, help="Pairs held out for the loss on unseen sentences.")
