"""Export the query encoder of a student to ONNX, exact and quantised to 8 bits, and check it against torch."""

from __future__ import annotations

import copy
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..models import OpticalPreTrainedModel
from . import query_encoder
from .query_encoder import OnnxQueryEncoder

logger = logging.getLogger(__name__)

INPUTS = ("input_ids", "attention_mask", "scoring_mask")
TOLERANCE = 1e-4
# Protocol buffers end at 2 GiB: larger weights go into a file of their own beside the graph.
_LARGEST_SINGLE_FILE = 1_900_000_000
# Three lengths, padding, and characters that some vocabularies do not have.
_PROBES = (
    "maji",
    "How is maize stored, and why?",
    "Mahindi huhifadhiwaje na wakulima wa kijijini wakati wa mvua, na bei yake sokoni ni gani? 東京",
)


class ExportError(ValueError):
    """A model could not be exported; the message says why in one line."""


@dataclass
class OnnxReport:
    """What was exported.

    Attributes:
        folder: where.
        files: bytes of each file of weights.
        difference: largest difference of an embedding's component from torch's, over a few texts, padded and expanded.
        int8_cosine: mean cosine of the quantised embeddings with torch's over the same texts; None without int8.
        fingerprint: the student's.
    """

    folder: str
    files: dict[str, int]
    difference: float
    int8_cosine: float | None
    fingerprint: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class _QueryEncoder(nn.Module):
    """Ids and masks to embeddings: the one output that is exported."""

    def __init__(self, model: OpticalPreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, scoring_mask: Tensor) -> Tensor:
        return self.model(input_ids, attention_mask, scoring_mask).embeddings


def export_onnx(model: OpticalPreTrainedModel, folder: str | Path, *, int8: bool = False) -> OnnxReport:
    """Write `onnx/model.onnx` (inputs `input_ids`, `attention_mask`, `scoring_mask`, each `(batch, length)` int64 of any size;
    output `embeddings` `(batch, length, embedding_dim)`), and beside it what `OnnxQueryEncoder` needs to run it.

    The folder may be the student's own: only `onnx/` is new in it. Into another one go `tokenizer.json`, `tokenizer_config.json`
    and `config.json` too, as transformers.js expects them. Nothing is put there before the export has been compared with torch.

    Args:
        model: a student (or a teacher, for queries in English), with its tokenizer.
        folder: where to; made if it is not there.
        int8: write `onnx/model_quantized.onnx` too: weights of 8 bits per channel, activations quantised as they come.

    Raises:
        ExportError: onnx, onnxscript or onnxruntime is not installed; a student for documents; no `tokenizer.json` can be made of
            the tokenizer; the folder holds another model; the exported model differs from torch.

    Example:
        >>> report = export_onnx(student, "runs/optical-sw", int8=True)  # doctest: +SKIP
        >>> OnnxQueryEncoder("runs/optical-sw").encode_query(["maji ni nini?"])  # doctest: +SKIP
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ExportError(f"ONNX export needs {', '.join(missing)}: install the extra, `pip install 'hf_optical[onnx]'`.")
    folder = Path(folder)
    if getattr(model.config, "side", "query") == "document":
        raise ExportError("this student encodes documents; the queries are its teacher's: export the teacher.")
    tokenizer = model.processor.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        raise ExportError(
            f"no tokenizer.json can be made of a {type(tokenizer).__name__}: only of tokenizers of the tokenizers library."
        )
    own = _belongs(model, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".onnx-", dir=folder) as name:
        partial = Path(name)
        (partial / "onnx").mkdir()
        encoder = _exact_copy(model)
        _export(encoder, partial / "onnx" / "model.onnx")
        _write_side_files(model, partial)
        difference, _ = _compare(encoder, OnnxQueryEncoder(partial))
        if not difference <= TOLERANCE:  # not a number, too
            raise ExportError(f"the exported model differs from torch by {difference:.1e}, more than {TOLERANCE:.0e}: not written.")
        cosine = None
        if int8:
            _quantise(partial / "onnx")
            _, cosine = _compare(encoder, OnnxQueryEncoder(partial, int8=True))
        (folder / "onnx").mkdir(exist_ok=True)
        for file in sorted(partial.rglob("*")):
            place = folder / file.relative_to(partial)
            if file.is_file() and not (own and file.parent == partial):
                os.replace(file, place)
        if not int8:  # of an earlier export, perhaps of other weights
            (folder / "onnx" / "model_quantized.onnx").unlink(missing_ok=True)
    sizes = {f"onnx/{file.name}": file.stat().st_size for file in sorted((folder / "onnx").glob("*.onnx*"))}
    return OnnxReport(str(folder), sizes, difference, cosine, model.fingerprint())


def _belongs(model: OpticalPreTrainedModel, folder: Path) -> bool:
    """Whether the folder is the model's own; raises ExportError if it is another model's."""
    source = (model._source or ("", {}))[0]
    if folder.is_dir() and Path(source).is_dir() and Path(source).samefile(folder):
        return True
    config = folder / "config.json"
    if config.exists() and config.read_text(encoding="utf-8") != _config_text(model):
        raise ExportError(f"{folder} holds another model: give a folder of its own, or its own.")
    return False


def _config_text(model: OpticalPreTrainedModel) -> str:
    """`config.json` without the names of code files, which are not in the export."""
    config = json.loads(model.config.to_json_string())
    return json.dumps({key: value for key, value in config.items() if key != "auto_map"}, indent=2, ensure_ascii=False) + "\n"


def _exact_copy(model: OpticalPreTrainedModel) -> OpticalPreTrainedModel:
    """In float32 and on the CPU, for inference; the model itself if it is so already."""
    if model.dtype != torch.float32 or model.device.type != "cpu" or model.training:
        model = copy.deepcopy(model).to("cpu", torch.float32).eval()
    return model


def _export(model: OpticalPreTrainedModel, file: Path) -> None:
    batch = model.processor.queries(_PROBES[:2], expand=False)
    bytes_ = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    with _quietly(), torch.no_grad():
        program = torch.onnx.export(
            _QueryEncoder(model).eval(),
            tuple(batch[name] for name in INPUTS),
            input_names=INPUTS,
            output_names=["embeddings"],
            dynamic_shapes=tuple({0: "batch", 1: "length"} for _ in INPUTS),
            dynamo=True,
            verbose=False,
        )
        _mask_with_infinity(program.model.graph)
        _forget_where(program.model)
        program.save(file, external_data=bytes_ > _LARGEST_SINGLE_FILE)


def _mask_with_infinity(graph: Any) -> None:
    """Let a position that may attend to nothing at all (expansion far from the text, in a local layer) get zeros, as in torch.

    The exporter masks attention with the lowest float: where all is masked, the mean of everything comes out. With minus infinity
    it is not a number, which the exporter does turn into zeros.
    """
    import onnx_ir

    for value in graph.initializers.values():
        array = value.const_value.numpy()
        if array.dtype == np.float32 and array.size == 1 and array.item() == np.finfo(np.float32).min:
            value.const_value = onnx_ir.tensor(np.full_like(array, -np.inf), name=value.name)


def _forget_where(model: Any) -> None:
    """Take out what the exporter notes of every node: the lines of code that it came from, with their folders on this machine."""
    for graph in (model.graph, *model.functions.values()):
        for node in graph.all_nodes():
            node.metadata_props.clear()
            for value in node.outputs:
                value.metadata_props.clear()
        for value in (*graph.inputs, *getattr(graph, "initializers", {}).values()):
            value.metadata_props.clear()
        graph.metadata_props.clear()
    model.metadata_props.clear()


def _quantise(folder: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quietly():
        # a scale per channel: with one for the whole matrix, embeddings turn about three times as far
        quantize_dynamic(folder / "model.onnx", folder / "model_quantized.onnx", weight_type=QuantType.QInt8, per_channel=True)


def _write_side_files(model: OpticalPreTrainedModel, folder: Path) -> None:
    processor, config = model.processor, model.config
    processor.tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(_config_text(model), encoding="utf-8")
    settings = {
        "query_length": config.query_length,
        "do_query_expansion": config.do_query_expansion,
        "attend_to_expansion_tokens": config.attend_to_expansion_tokens,
        "query_marker": processor.query_marker,
        "special_tokens": [processor.front, processor.back],
        "spelt": {str(token): pieces for token, pieces in processor.spelt.items()},
        "mask_token_id": processor.tokenizer.mask_token_id,
        "pad_token_id": processor.tokenizer.pad_token_id,
        "truncation_side": processor.tokenizer.truncation_side,
        "embedding_dim": config.embedding_dim,
        "student": model.fingerprint(),
        "teacher": getattr(config, "teacher", None),
    }
    (folder / "onnx" / "query_encoder.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    source = Path(query_encoder.__file__).read_text(encoding="utf-8")
    (folder / "onnx" / "query_encoder.py").write_text(source, encoding="utf-8")


def _compare(model: OpticalPreTrainedModel, runtime: OnnxQueryEncoder) -> tuple[float, float]:
    """Largest difference and mean cosine of both encoders' embeddings: as queries are encoded, and with expansion switched."""
    worst, cosines = 0.0, []
    batches = [
        model.processor.queries(_PROBES[:n], expand=expand) for n in (1, 3) for expand in (False, model.config.do_query_expansion)
    ]
    pairs = list(zip(model.encode_query(_PROBES), map(torch.from_numpy, runtime.encode_query(_PROBES)), strict=True))
    for batch in batches:
        with torch.no_grad():
            ours = model(**batch).embeddings
        (theirs,) = runtime.session.run(["embeddings"], {name: batch[name].numpy() for name in INPUTS})
        scored = batch["scoring_mask"].bool()
        pairs.append((ours[scored], torch.from_numpy(theirs)[scored]))
    for ours, theirs in pairs:
        if ours.shape != theirs.shape:
            raise ExportError(f"the exported model gives {tuple(theirs.shape)} embeddings, not {tuple(ours.shape)}: not written.")
        worst = max(worst, float((ours - theirs).abs().max().nan_to_num(nan=torch.inf)))
        cosines.append((ours * theirs).sum(-1))
    return worst, float(torch.cat(cosines).mean())


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's remarks on operators that are not there and names that it renames."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "root")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
