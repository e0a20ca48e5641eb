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
    teacher: str | None = _setting(help="Teacher to train further instead: ours, or any ColBERT.")
    triples: str | None = _setting(help="(query, positive, negatives): JSONL by ids or by text, or TSV.")
    passages: str | None = _setting(help="Passages that the triples name by id (JSONL with _id, title, text).")
    limit: int | None = _setting(help="Use the first N triples only.")
    skip: int = _setting(0, help="Leave out the first N triples (those that a teacher to train further has seen).")
    embedding_dim: int = _setting(128, help="Length of a token embedding.")
    query_length: int | None = _setting(help="Tokens of a query; default: 32, or as the teacher to train further.")
    document_length: int | None = _setting(help="Tokens of a document; default: 180, or as the teacher to train further.")
    do_query_expansion: bool = _setting(True, help="Fill the queries of a new teacher up with [MASK].")
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
    language: list[str] = field(
        default_factory=list,
        metadata={"help": "ISO 639-1 code of the language, such as sw. Of several, each has one bitext, in the same order."},
    )
    english_column: str = _setting("english", help="Column of the English sentences.")
    non_english_column: str = _setting("non_english", help="Column of the other sentences.")
    bitext_split: str = _setting("train", help="Split, of a Hub dataset.")
    bitext_streaming: bool = _setting(False, help="Read a Hub dataset as a stream, instead of downloading it first.")
    bitext_config: str | None = _setting(help="Configuration, of a Hub dataset.")
    limit: int | None = _setting(help="Use the first N pairs (of each language) only.")
    exclude: list[str] = field(
        default_factory=list,
        metadata={"help": "BEIR folders whose queries must not be in the bitext; pairs with one are left out and counted."},
    )
    encoder: str | None = _setting(help="Multilingual encoder to start from; default: a copy of the teacher's.")
    student: str | None = _setting(help="Student to train further, or one from `optical adapt-vocabulary`, instead of a new one.")
    query_length: int | None = _setting(help="Tokens of a query; default: the teacher's.")
    do_query_expansion: bool | None = _setting(help="Fill queries up with [MASK]; default: as the teacher.")
    eval_pairs: int = _setting(0, help="Pairs held out for the loss on unseen sentences.")
    side: str = field(
        default="query",
        metadata={"help": "What the student learns to encode: query, document or both.", "choices": ("query", "document", "both")},
    )
    adapt_vocabulary: bool = _setting(
        False, help="Give frequent words of the language tokens of their own, which start from their English translations."
    )
    romanise: bool = _setting(
        False, help="Read letters of other scripts (Cyrillic, Ethiopic, ...) in Latin ones, which an English vocabulary knows."
    )
    vocabulary_min_count: int = _setting(2, help="How often a word must be seen for that.")
    vocabulary_subwords: int = _setting(0, help="Sub-words of the language to add besides.")
    alignment: list[str] = field(
        default_factory=list,
        metadata={"help": "Word alignment of each bitext (WordAlignment.save), for adapt_vocabulary; default: fitted."},
    )
    english_share: float = _setting(0.0, help="Share of pairs added with English on both sides, so that English stays a language.")
    pairs: str = field(
        default="bitext",
        metadata={"help": "Train on the bitext, on code-switched English, or both.", "choices": ("bitext", "switched", "both")},
    )
    code_switch: float = _setting(0.5, help="Share of English words switched into the language, where pairs are switched.")
    lexicon: list[str] = field(
        default_factory=list,
        metadata={"help": "Lexicon (MUSE or TSV) of each language for that; default: induced from the bitext."},
    )
    triples: str | None = _setting(help="English (query, positive, negatives): their queries are what is switched.")
    passages: str | None = _setting(help="English passages, for a ranking loss.")
    ranking_documents: int = _setting(8, help="Passages for each pair, with ranking kl.")

    def __post_init__(self) -> None:
        if isinstance(self.language, str):
            self.language = self.language.split()
        if isinstance(self.bitext, str):
            self.bitext = [self.bitext]
