"""Trains a small translation model from nothing but the bitext: what translate-test gets from the data that distillation gets."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.errors import DataError
from ..data.files import atomic_write
from ..data.languages import check_non_english
from ..data.text import digest
from .joint_tokenizer import train_joint_tokenizer
from .seq2seq import Seq2SeqTranslator

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import MarianMTModel, PreTrainedTokenizerFast, Seq2SeqTrainingArguments

_SETTINGS, _METRICS = "translator_settings.json", "train_metrics.json"
# Tokens that a trained model can take, so that queries longer than its training pairs are translated whole.
_POSITIONS = 256


def train_translator(
    pairs: Iterable[tuple[str, str]],
    folder: str | Path,
    *,
    language: str,
    steps: int = 2400,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    seed: int = 13,
    d_model: int = 256,
    layers: int = 2,
    heads: int = 4,
    vocabulary: int = 4000,
    max_tokens: int = 24,
    dropout: float = 0.0,
    label_smoothing: float = 0.1,
    copied: float = 0.5,
    lower_case: bool = True,
    bf16: bool = False,
    save_steps: int = 500,
    resume: bool = False,
    use_cpu: bool | None = None,
    show_progress_bar: bool = True,
) -> Seq2SeqTranslator:
    """Train a Marian model (transformer, tied embeddings) from random weights to translate into English.

    The same pairs and settings give the same translator. It is saved as `AutoModelForSeq2SeqLM` and `AutoTokenizer` load it. The
    defaults are the best of a few trials for five minutes of one CPU core, which is far from enough for good translations: with
    more time, take more steps, longer pairs and a dropout of 0.1 or more.

    Args:
        pairs: (English, non-English).
        folder: of checkpoints and of the finished model; `train_metrics.json` says how many pairs were used and what it took.
        language: code of the non-English side.
        steps, batch_size: a step looks at `batch_size` pairs of like length.
        learning_rate: the highest, reached after a tenth of the steps; then linear decay to 0.
        d_model, layers, heads: width, layers of encoder and decoder each, attention heads.
        vocabulary: tokens at most, of both languages together, learned from the pairs.
        max_tokens: pairs with more on a side are left out, and counted: short ones teach most for their time.
        copied: share of the examples that are English on both sides (Currey, Miceli Barone, Heafield, WMT 2017). Copying is learned
            soon, and with it to look at the source: without, so short a training leaves a language model that ignores the source.
        lower_case: all text in lower case, as uncased retrievers read it anyway.
        bf16: train in bfloat16 autocast.
        save_steps: steps between checkpoints.
        resume: go on from the last checkpoint in the folder, if there is one; a finished model is loaded.
        use_cpu: default: unless there is a GPU.

    Raises:
        DataError: no such language, no pair is left, or an argument is out of range.
        FileExistsError: the folder holds a model or checkpoints, and `resume` is false.
        ValueError: `resume`, but what the folder holds was begun with other pairs or settings.
    """
    import torch

    from ..training.base_trainer import complete_checkpoints, remove_incomplete_checkpoints
    from .translation_trainer import TranslationTrainer

    settings = {
        **{"language": check_non_english(language), "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate},
        **{"seed": seed, "d_model": d_model, "layers": layers, "heads": heads, "vocabulary": vocabulary, "max_tokens": max_tokens},
        **{"dropout": dropout, "label_smoothing": label_smoothing, "copied": copied, "lower_case": lower_case, "bf16": bf16},
    }
    _check(settings, save_steps)
    read = list(pairs)
    texts = [(english, foreign) for english, foreign in read if english.strip() and foreign.strip()]
    if not texts:
        raise DataError("there is no pair to train on", fix="give (English, non-English) pairs of texts")
    settings["pairs"] = digest(*(text for pair in texts for text in pair)).hex()
    folder = Path(folder)
    if _may_go_on(folder, settings, resume):
        return _finished(folder, language, use_cpu)
    tokenizer = train_joint_tokenizer(
        (text for pair in texts for text in pair), vocabulary=vocabulary, lower_case=lower_case, max_length=_POSITIONS
    )
    tokenizer.init_kwargs |= {"source_lang": language, "target_lang": "en"}
    examples, used = _examples(texts, tokenizer, max_tokens, copied, seed)
    remove_incomplete_checkpoints(folder)
    with atomic_write(folder / _SETTINGS) as file:
        file.write(json.dumps(settings, indent=1).encode())
    torch.manual_seed(seed)
    model = _new_model(tokenizer, d_model, layers, heads, dropout)
    args = _arguments(folder, settings, save_steps, use_cpu, show_progress_bar)
    trainer = TranslationTrainer(model, tokenizer, args, examples, label_smoothing)
    checkpoints = complete_checkpoints(folder)
    result = trainer.train(resume_from_checkpoint=str(checkpoints[-1]) if checkpoints else None)
    counts = {"pairs_read": len(read), "pairs_empty": len(read) - len(texts), "pairs_too_long": len(texts) - used}
    counts |= {"pairs_used": used, "copied": len(examples) - used, "parameters": model.num_parameters()}
    _save(model, tokenizer, folder, result.metrics | counts)
    return _finished(folder, language, use_cpu)


def _check(settings: dict[str, Any], save_steps: int) -> None:
    for name in ("steps", "batch_size", "d_model", "layers", "heads", "vocabulary", "max_tokens", "learning_rate", "save_steps"):
        value, bound = (settings | {"save_steps": save_steps})[name], 0 if name == "learning_rate" else 1
        if not value >= bound:
            raise DataError(f"{name} is {value}", fix=f"give at least {bound}")
    for name in ("dropout", "label_smoothing", "copied"):
        if not 0 <= settings[name] < 1:
            raise DataError(f"{name} is {settings[name]}", fix="give at least 0 and less than 1")
    if settings["d_model"] % (2 * settings["heads"]):
        raise DataError(
            f"d_model {settings['d_model']} cannot be parted into {settings['heads']} heads of even width", fix="change one"
        )
    if settings["max_tokens"] > _POSITIONS:
        raise DataError(f"max_tokens is {settings['max_tokens']}", fix=f"give at most {_POSITIONS}")


def _may_go_on(folder: Path, settings: dict[str, Any], resume: bool) -> bool:
    """Whether the folder holds the finished model already; raises unless what it holds is to be gone on with, and can be."""
    from ..training.base_trainer import complete_checkpoints

    finished = (folder / "config.json").is_file()
    if not finished and not complete_checkpoints(folder):
        return False
    if not resume:
        what = "a model" if finished else "checkpoints"
        raise FileExistsError(f"folder {folder} holds {what} already: give resume=True to go on with it, or another folder.")
    try:
        begun = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"folder {folder} holds a model that train_translator did not begin: give another folder.") from None
    other = [name for name in settings if begun.get(name) != settings[name]]
    if other:
        changes = ", ".join("the pairs" if n == "pairs" else f"{n} {begun.get(n)!r} (now {settings[n]!r})" for n in other)
        raise ValueError(
            f"folder {folder} cannot be gone on with: it was begun with other settings: {changes}; give another folder."
        )
    return finished


def _examples(
    texts: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerFast, max_tokens: int, copied: float, seed: int
) -> tuple[Dataset, int]:
    """Token ids of the pairs that are short enough, then of English texts to copy; `length` is what batches are grouped by.

    Also returns the number of these pairs.
    """
    from datasets import Dataset

    labels, sources = (tokenizer([pair[side] for pair in texts])["input_ids"] for side in (0, 1))
    short = [i for i in range(len(texts)) if max(len(labels[i]), len(sources[i])) <= max_tokens]
    if not short:
        raise DataError(f"none of {len(texts)} pairs has at most {max_tokens} tokens a side", fix="raise max_tokens or vocabulary")
    order = random.Random(seed).sample(short, len(short))
    copies = [order[i % len(order)] for i in range(round(len(short) * copied / (1 - copied)))]
    columns = {
        "input_ids": [sources[i] for i in short] + [labels[i] for i in copies],
        "labels": [labels[i] for i in short + copies],
    }
    lengths = [len(source) + len(label) for source, label in zip(*columns.values(), strict=True)]
    return Dataset.from_dict(columns | {"length": lengths}), len(short)


def _new_model(tokenizer: PreTrainedTokenizerFast, d_model: int, layers: int, heads: int, dropout: float) -> MarianMTModel:
    from transformers import MarianConfig, MarianMTModel

    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    model = MarianMTModel(
        MarianConfig(
            vocab_size=len(tokenizer),
            d_model=d_model,
            **dict.fromkeys(("encoder_layers", "decoder_layers"), layers),
            **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), heads),
            **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 4 * d_model),
            max_position_embeddings=_POSITIONS,
            activation_function="relu",
            dropout=dropout,
            init_std=d_model**-0.5,
            scale_embedding=True,
            pad_token_id=pad,
            eos_token_id=end,
            decoder_start_token_id=pad,
            forced_eos_token_id=None,
        )
    )
    model.generation_config.suppress_tokens = [pad, tokenizer.unk_token_id]
    return model


def _arguments(
    folder: Path, settings: dict[str, Any], save_steps: int, use_cpu: bool | None, show_progress_bar: bool
) -> Seq2SeqTrainingArguments:
    import torch
    from transformers import Seq2SeqTrainingArguments

    return Seq2SeqTrainingArguments(
        output_dir=str(folder),
        max_steps=settings["steps"],
        per_device_train_batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        lr_scheduler_type="linear",
        warmup_steps=0.1,
        adam_beta2=0.98,
        weight_decay=0.01,
        max_grad_norm=1.0,
        train_sampling_strategy="group_by_length",
        bf16=settings["bf16"],
        seed=settings["seed"],
        save_steps=save_steps,
        save_total_limit=2,
        logging_steps=100,
        disable_tqdm=not show_progress_bar,
        use_cpu=not torch.cuda.is_available() if use_cpu is None else use_cpu,
    )


def _save(model: MarianMTModel, tokenizer: PreTrainedTokenizerFast, folder: Path, metrics: dict[str, Any]) -> None:
    """Written beside, then moved; `config.json`, which makes the folder a model, comes last."""
    from ..models.loading_optical import without_progress_bars

    staging = folder / ".saving"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with without_progress_bars():
            model.save_pretrained(staging)
            tokenizer.save_pretrained(staging)
        (staging / _METRICS).write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
        for file in sorted(staging.iterdir(), key=lambda file: file.name == "config.json"):
            os.replace(file, folder / file.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _finished(folder: Path, language: str, use_cpu: bool | None) -> Seq2SeqTranslator:
    name = "translate-test (Marian trained on the bitext)"
    return Seq2SeqTranslator.from_pretrained(str(folder), source_language=language, device="cpu" if use_cpu else None, name=name)
