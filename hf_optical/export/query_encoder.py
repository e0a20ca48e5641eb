"""Encode queries with an exported student. Needs onnxruntime, tokenizers and numpy; no torch, no transformers.

A copy of this file lies in the `onnx` folder of every export:

    from query_encoder import OnnxQueryEncoder

    encoder = OnnxQueryEncoder("path/of/the/export")
    embeddings, = encoder.encode_query(["mahindi huhifadhiwaje?"])  # (tokens, embedding_dim), rows of length 1
    scores = [(embeddings @ document.T).max(axis=1).sum() for document in documents]  # MaxSim with the teacher's documents
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np


class OnnxQueryEncoder:
    """The same token embeddings as the student's `encode_query`.

    Args:
        folder: the export: `tokenizer.json` and `onnx/`.
        int8: the quantised weights, a quarter of the size, instead of the exact ones.
        threads: of the processor; default: onnxruntime's choice.

    Raises:
        OSError: a file of the export is missing.
    """

    def __init__(self, folder: str | Path, *, int8: bool = False, threads: int = 0) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        folder = Path(folder)
        self.settings = json.loads((folder / "onnx" / "query_encoder.json").read_text(encoding="utf-8"))
        weights = folder / "onnx" / ("model_quantized.onnx" if int8 else "model.onnx")
        for file in (weights, folder / "tokenizer.json"):
            if not file.is_file():
                raise FileNotFoundError(f"{file} is missing: was the export complete, and with --int8 if that is wanted?")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        marker = self.settings["query_marker"]
        self._prefix, self._inserted = (marker, []) if isinstance(marker, str) else ("", [] if marker is None else [marker])
        length = self.settings["query_length"] - len(self._inserted)
        self.tokenizer.enable_truncation(length, direction=self.settings["truncation_side"])
        # special tokens that are written in a text are only text
        self.tokenizer.encode_special_tokens = True

    def token_ids(self, text: str) -> list[int]:
        """Ids of a query with special tokens and marker, at most `query_length`."""
        ids, (front, back) = self.tokenizer.encode(self._prefix + text).ids, self.settings["special_tokens"]
        body, end = ids[front : len(ids) - back], ids[len(ids) - back :]
        body = [piece for i in body for piece in self.settings["spelt"].get(str(i), (i,))]
        room = self.settings["query_length"] - front - len(self._inserted) - back
        return ids[:front] + self._inserted + body[:room] + end

    def inputs(self, rows: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """Inputs of the ONNX model, each `(queries, tokens)` int64: ids, what is attended to, what is scored."""
        expand = self.settings["do_query_expansion"]
        length = self.settings["query_length"] if expand else max(map(len, rows))
        fill = self.settings["mask_token_id" if expand else "pad_token_id"]
        ids = np.full((len(rows), length), fill, dtype=np.int64)
        attention = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)], attention[i, : len(row)] = row, 1
        scoring = np.ones_like(ids) if expand else attention
        if expand and self.settings["attend_to_expansion_tokens"]:
            attention = scoring
        return {"input_ids": ids, "attention_mask": attention, "scoring_mask": scoring}

    def encode_query(self, texts: Sequence[str], *, batch_size: int = 32) -> list[np.ndarray]:
        """Token embeddings of queries.

        Args:
            texts: queries.
            batch_size: queries of like length encoded at a time.

        Returns:
            For each query `(tokens, embedding_dim)` float32, rows of length 1.

        Raises:
            TypeError: one string instead of a list of them.
        """
        if isinstance(texts, str):
            raise TypeError("expected a list of texts, got one string: put it into a list.")
        rows = [self.token_ids(text) for text in texts]
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        found: list[np.ndarray] = [np.empty(0)] * len(rows)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            inputs = self.inputs([rows[i] for i in chosen])
            (embeddings,) = self.session.run(["embeddings"], inputs)
            for i, matrix, scored in zip(chosen, embeddings, inputs["scoring_mask"].astype(bool), strict=True):
                found[i] = matrix[scored]
        return found
