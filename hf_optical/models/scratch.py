"""Small encoders from scratch: tokenizer trained on the texts at hand, weights random. For the sample, tests and quick trials."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, PreTrainedTokenizerFast

_SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def train_tokenizer(texts: Iterable[str], *, vocab_size: int = 4000) -> PreTrainedTokenizerFast:
    """WordPiece tokenizer (lower-cased, accents kept, `[CLS] ... [SEP]`) learned from texts; the same one every time.

    Args:
        texts: any number of texts.
        vocab_size: tokens at most, unless special tokens and characters alone are more. Every character of the texts is a token
            at the beginning of a word and inside one, so that words are spelt out rather than unknown.

    Example:
        >>> train_tokenizer(["maji safi ya kunywa"] * 3, vocab_size=60).tokenize("Maji")
        ['maji']
    """
    texts = list(texts)
    normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    splitter = pre_tokenizers.BertPreTokenizer()
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer, learner.pre_tokenizer = normalizer, splitter
    # The trainer numbers characters as it meets them in a hash table, another order in every run, and breaks ties by number.
    # Given as special tokens, they are numbered in this order.
    characters = sorted({c for text in texts for c in normalizer.normalize_str(text) if splitter.pre_tokenize_str(c)})
    inside = [f"##{c}" for c in characters if len(splitter.pre_tokenize_str(f"a{c}a")) == 1]  # punctuation stands alone
    special = [*_SPECIAL.values(), *characters, *inside]
    learner.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=vocab_size, special_tokens=special, show_progress=False)
    )

    tokenizer = Tokenizer(models.WordPiece(learner.get_vocab(), unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.decoder = decoders.WordPiece()
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", cls), ("[SEP]", sep)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **_SPECIAL)


def scratch_config(vocab_size: int, *, hidden_size: int = 128, layers: int = 2, heads: int = 4, positions: int = 256) -> BertConfig:
    """Configuration of a small BERT without dropout: with so few steps it has no time to overfit."""
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden_size,
        max_position_embeddings=positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
