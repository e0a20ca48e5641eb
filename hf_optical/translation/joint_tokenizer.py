"""One vocabulary for both languages of a bitext, learned from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_PAD, _END, _UNKNOWN = "<pad>", "</s>", "<unk>"


def train_joint_tokenizer(
    texts: Iterable[str], *, vocabulary: int, lower_case: bool = True, max_length: int = 256
) -> PreTrainedTokenizerFast:
    """Byte-pair encoding of both languages together (Sennrich, Haddow, Birch, ACL 2016), `text </s>`; the same one every time.

    A leading space is `▁`; punctuation marks and digits are tokens of their own, so that numbers can be copied digit by digit.

    Args:
        texts: of both languages.
        vocabulary: tokens at most, unless the characters of the texts alone are more.
        lower_case: everything in lower case.
        max_length: tokens of a text that the model can take.

    Example:
        >>> tokenizer = train_joint_tokenizer(["maji safi 12", "clean water 34"] * 9, vocabulary=80)
        >>> tokenizer.decode(tokenizer("Maji 41?").input_ids)
        'maji 41<unk></s>'
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    learner = Tokenizer(models.BPE(unk_token=_UNKNOWN))
    learner.normalizer = normalizers.Sequence([normalizers.NFC(), *([normalizers.Lowercase()] if lower_case else [])])
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated"), pre_tokenizers.Digits(individual_digits=True)]
    )
    learner.decoder = decoders.Metaspace()
    special = [_PAD, _END, _UNKNOWN]
    learner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, show_progress=False))
    end = learner.token_to_id(_END)
    learner.post_processor = processors.TemplateProcessing(single=f"$A {_END}", special_tokens=[(_END, end)])
    names = {"pad_token": _PAD, "eos_token": _END, "unk_token": _UNKNOWN}
    return PreTrainedTokenizerFast(tokenizer_object=learner, model_max_length=max_length, **names)
