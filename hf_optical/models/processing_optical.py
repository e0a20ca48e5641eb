"""Texts -> padded ids with two masks: what the encoder attends to, and what is scored."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import AddedToken, PreTrainedTokenizerBase

from .configuration_optical import OpticalConfig


class OpticalProcessor:
    """Turns queries and documents into model input, as ColBERT does.

    A query becomes `[CLS] [Q] tokens [SEP]`, filled up with `[MASK]` to `query_length`; a document `[CLS] [D] tokens [SEP]`,
    cut at `document_length`. Markers are inserted as ids: a text that happens to contain "[Q] " or "[MASK]" is only text.
    With `config.prefixes_are_text` the prefixes are put before the text instead.

    Args:
        tokenizer: the model's tokenizer; must know the markers (see `add_markers`) and, for expansion, a mask token.
        config: lengths, markers, expansion, skiplist.

    Attributes:
        query_marker, document_marker: token id, or text put in front, or None.
        front, back: how many special tokens the tokenizer puts before and behind a text.
        spelt: special token id -> ids that stand for it where a text has it.

    Raises:
        ValueError: a marker, the mask token or the padding token is not in the vocabulary; no room for text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: OpticalConfig) -> None:
        self.tokenizer = tokenizer
        self.config = config
        self.query_marker = self._marker(config.query_prefix)
        self.document_marker = self._marker(config.document_prefix)
        if tokenizer.pad_token_id is None:
            raise ValueError("the tokenizer has no padding token: set tokenizer.pad_token.")
        if config.do_query_expansion and tokenizer.mask_token_id is None:
            raise ValueError("the tokenizer has no mask token for query expansion: set one, or do_query_expansion=False.")
        special = tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
        # the marker goes behind whatever the tokenizer puts in front ([CLS], <s>)
        self.front = next((i for i, flag in enumerate(special) if not flag), len(special))
        self.back = sum(special) - self.front
        # a word that is no single token comes back as [UNK]: kept, it would hide every unknown word from scoring
        words = [word for word in config.skiplist_words if word == tokenizer.unk_token or self._id(word) is not None]
        self._skiplist = torch.tensor(sorted({tokenizer.convert_tokens_to_ids(word) for word in words}), dtype=torch.long)
        # Told to take special tokens for text, a Unigram model still finds those that are pieces of its vocabulary (XLM-R's
        # "<s>"), and any tokenizer finds a marker that was added to it as an ordinary token: such ids are spelt out.
        reserved = {*tokenizer.all_special_ids, self.query_marker, self.document_marker} - {tokenizer.unk_token_id}
        self.spelt = {i: self._spell(i, reserved) for i in reserved if isinstance(i, int)}

    @property
    def skiplist_ids(self) -> list[int]:
        """Ids of document tokens that are attended to but not scored, ascending."""
        return self._skiplist.tolist()

    def _id(self, token: str) -> int | None:
        """Id of a token of the vocabulary, None for other words."""
        token_id = self.tokenizer.convert_tokens_to_ids(token)
        return None if token_id == self.tokenizer.unk_token_id else token_id

    def _spell(self, token_id: int, reserved: set[int | str | None]) -> list[int]:
        """A special token as a text would have it: `[`, `MASK]` in as many pieces as needed."""
        token = self.tokenizer.convert_ids_to_tokens(token_id)
        pieces = self.tokenizer([token[:1], token[1:]], add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return [i for i in pieces[0] + pieces[1] if i not in reserved]

    def _marker(self, prefix: str) -> int | str | None:
        if not prefix:
            return None
        if self.config.prefixes_are_text:
            return prefix
        token_id = self._id(prefix)
        if token_id is None:
            raise ValueError(
                f"marker {prefix!r} is not in the tokenizer: call add_markers(tokenizer, config) and resize the model."
            )
        if token_id >= self.config.vocab_size:
            raise ValueError(
                f"marker {prefix!r} has id {token_id}, but the model has {self.config.vocab_size} embeddings: resize the model "
                "with model.resize_token_embeddings(len(tokenizer))."
            )
        return token_id

    def token_ids(self, texts: Sequence[str], marker: int | str | None, max_length: int) -> list[list[int]]:
        """Ids of each text with special tokens and marker, at most `max_length` of them.

        Args:
            texts: any number of texts.
            marker: `query_marker`, `document_marker` or None.
            max_length: longest row of ids returned.

        Raises:
            TypeError: a single string instead of a list, or an element that is no string.
            ValueError: `max_length` leaves no room for text.
        """
        if isinstance(texts, str):
            raise TypeError("expected a list of texts, got one string: put it into a list.")
        texts = list(texts)
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"text {i} is {type(text).__name__}, not a string.")
        inserted = [marker] if isinstance(marker, int) else []
        needed = self.front + len(inserted) + self.back
        if max_length <= needed:
            raise ValueError(f"a length of {max_length} leaves no room for text: {needed} are special tokens.")
        if not texts:
            return []
        encoded = self.tokenizer(
            [marker + text for text in texts] if isinstance(marker, str) else texts,
            truncation=True,
            max_length=max_length - len(inserted),
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        return [self._assemble(ids, inserted, max_length) for ids in encoded]

    def _assemble(self, ids: list[int], inserted: list[int], max_length: int) -> list[int]:
        end = len(ids) - self.back
        front, body, back = ids[: self.front], ids[self.front : end], ids[end:]
        if not self.spelt.keys().isdisjoint(body):
            body = [piece for i in body for piece in self.spelt.get(i, (i,))]
            body = body[: max_length - len(front) - len(inserted) - len(back)]
        return front + inserted + body + back

    def queries(self, texts: Sequence[str], *, expand: bool | None = None, max_length: int | None = None) -> dict[str, Tensor]:
        """Batch of queries.

        Args:
            texts: B queries.
            expand: fill up with `[MASK]`; default: `config.do_query_expansion`.
            max_length: default `config.query_length`.

        Returns:
            `input_ids`, `attention_mask`, `scoring_mask`, each `(B, L)` int64. Expansion positions have scoring 1 and attention 0
            (1 with `attend_to_expansion_tokens`); padding has 0 in both.
        """
        length = self.config.query_length if max_length is None else max_length
        return self.pad_queries(self.token_ids(texts, self.query_marker, length), expand=expand, max_length=length)

    def pad_queries(
        self, ids: Sequence[Sequence[int]], *, expand: bool | None = None, max_length: int | None = None
    ) -> dict[str, Tensor]:
        """As `queries`, from ids made by `token_ids`."""
        expand = self.config.do_query_expansion if expand is None else expand
        if not expand:
            batch = self._pad(ids)
            return batch | {"scoring_mask": batch["attention_mask"].clone()}
        length = self.config.query_length if max_length is None else max_length
        batch = self._pad(ids, length, fill=self.tokenizer.mask_token_id)
        scoring = torch.ones_like(batch["input_ids"])
        if self.config.attend_to_expansion_tokens:
            batch["attention_mask"] = scoring.clone()
        return batch | {"scoring_mask": scoring}

    def documents(self, texts: Sequence[str], *, max_length: int | None = None) -> dict[str, Tensor]:
        """Batch of documents: as `queries`, without expansion; tokens of the skiplist are attended to but not scored."""
        length = self.config.document_length if max_length is None else max_length
        return self.pad_documents(self.token_ids(texts, self.document_marker, length))

    def pad_documents(self, ids: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """As `documents`, from ids made by `token_ids`."""
        batch = self._pad(ids)
        skipped = torch.isin(batch["input_ids"], self._skiplist)
        return batch | {"scoring_mask": batch["attention_mask"] * (~skipped).long()}

    def _pad(self, ids: Sequence[Sequence[int]], length: int | None = None, fill: int | None = None) -> dict[str, Tensor]:
        fill = self.tokenizer.pad_token_id if fill is None else fill
        length = length or max(map(len, ids), default=0)
        rows = torch.full((len(ids), length), fill, dtype=torch.long)
        mask = torch.zeros_like(rows)
        for i, row in enumerate(ids):
            rows[i, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[i, : len(row)] = 1
        return {"input_ids": rows, "attention_mask": mask}


def add_markers(tokenizer: PreTrainedTokenizerBase, config: OpticalConfig) -> int:
    """Add the query and document markers of `config` to the tokenizer where they are missing.

    Returns:
        The number of tokens added. If it is not 0, `model.resize_token_embeddings(len(tokenizer))`.
    """
    if config.prefixes_are_text:
        return 0
    wanted = [p for p in (config.query_prefix, config.document_prefix) if p]
    known = tokenizer.get_vocab()
    missing = [AddedToken(p, normalized=False, special=True) for p in wanted if p not in known]
    return (
        tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False) if missing else 0
    )
