"""Tiny random translation models of three families, saved as their authors save them, and a toy language."""

from __future__ import annotations

import itertools
import random
import string
from pathlib import Path

import pytest
import torch

SHAPE = {
    **{"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2},
    **{"encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 64, "init_std": 0.5},
}
SLOTS = (
    {"mtoto": "child", "simba": "lion", "mkulima": "farmer", "daktari": "doctor"},
    {"huona": "sees", "hununua": "buys", "hupenda": "likes", "huuza": "sells"},
    {"maji": "water", "mahindi": "maize", "kitabu": "book", "basi": "bus"},
)


def save(model, tokenizer, folder: Path) -> str:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def make_nllb(folder: Path) -> str:
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    torch.manual_seed(0)
    vocab = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "▁": 4} | {c: i for i, c in enumerate(string.ascii_lowercase, 5)}
    tokenizer = NllbTokenizer(vocab=vocab, merges=[])
    config = M2M100Config(
        vocab_size=len(tokenizer), pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, **SHAPE
    )
    return save(M2M100ForConditionalGeneration(config), tokenizer, folder)


def make_mbart(folder: Path, fifty: bool) -> str:
    from transformers import MBart50Tokenizer, MBartConfig, MBartForConditionalGeneration, MBartTokenizer

    torch.manual_seed(0)
    pieces = [
        ("<s>", 0.0),
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁", -2.0),
        *((c, -3.0) for c in string.ascii_lowercase),
    ]
    tokenizer = MBart50Tokenizer(vocab=pieces, src_lang="en_XX", tgt_lang="en_XX") if fifty else MBartTokenizer(vocab=pieces)
    config = MBartConfig(
        vocab_size=len(tokenizer), pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, **SHAPE
    )
    return save(MBartForConditionalGeneration(config), tokenizer, folder)


def make_marian(folder: Path, **tokenizer_options: object) -> str:
    """An opus-mt model; its tokenizer is of `tokenizers`, since the original one needs sentencepiece."""
    from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

    from hf_optical.translation.joint_tokenizer import train_joint_tokenizer

    torch.manual_seed(0)
    prefixes = tokenizer_options.pop("prefixes", [])
    texts = ["maji safi ya kunywa", "clean water to drink", string.ascii_lowercase]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=train_joint_tokenizer(texts, vocabulary=80).backend_tokenizer,
        **{"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
        **tokenizer_options,
    )
    tokenizer.add_tokens(prefixes, special_tokens=True)
    ids = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "forced_eos_token_id": 1}
    model = MarianMTModel(MarianConfig(vocab_size=len(tokenizer), **ids, **SHAPE))
    # as opus-mt models have it: what the translator must not fall for
    model.generation_config.update(num_beams=4, max_length=512, bad_words_ids=[[0]])
    return save(model, tokenizer, folder)


@pytest.fixture(scope="session")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of an NLLB-like model: M2M100 architecture, NLLB's tokenizer with all its language codes."""
    return make_nllb(tmp_path_factory.mktemp("nllb"))


@pytest.fixture(scope="session")
def marian(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of an opus-mt-like model for Swahili to English."""
    return make_marian(tmp_path_factory.mktemp("marian"), source_lang="sw", target_lang="en")


def toy_pairs() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """30 sentences of a language that is English word for word, and the 34 others of it."""
    chosen = list(itertools.product(*(slot.items() for slot in SLOTS)))
    random.Random(1).shuffle(chosen)
    pairs = [(" ".join(e for _, e in words), " ".join(f for f, _ in words)) for words in chosen]
    return pairs[:30], pairs[30:]
