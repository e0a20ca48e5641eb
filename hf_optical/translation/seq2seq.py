"""Translation by a sequence-to-sequence model: any translation model of the Hub, or one trained on the bitext."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .language_codes import check_pair, language_codes, model_code, target_prefix

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

# Below this many texts a progress bar is gone before it can be read.
_PROGRESS_FROM = 200
# A translation has at most so many tokens for each token of the longest text in its batch, and so many more.
_TOKENS_PER_TOKEN, _TOKENS_MORE = 2, 16


class Seq2SeqTranslator:
    """Translates with opus-mt (Marian), NLLB-200, M2M100, mBART, MADLAD, or a model of `train_translator`.

    Deterministic: greedy, or beam search without sampling. What a model has stored about how to generate is overruled only there
    and in length.

    Args:
        model, tokenizer: as `AutoModelForSeq2SeqLM` and `AutoTokenizer` load them.
        source_language: ISO 639-1 code, ISO 639-3 where there is none, or the model's own code (`swh_Latn`).
        target_language: likewise.
        num_beams: 1 is greedy.
        batch_size: texts of like length translated at a time.
        max_length: tokens of a text and of its translation; longer texts are cut, and the log says how many.
        name: of the system, for tables.

    Raises:
        DataError: no such language, or the model does not know it.
        ValueError: a number is less than 1.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        source_language: str,
        target_language: str = "en",
        num_beams: int = 1,
        batch_size: int = 32,
        max_length: int = 128,
        name: str | None = None,
    ) -> None:
        for argument, value in (("num_beams", num_beams), ("batch_size", batch_size), ("max_length", max_length)):
            if value < 1:
                raise ValueError(f"{argument} must be at least 1, got {value}.")
        source = str(model.name_or_path or type(model).__name__)
        self.model, self.tokenizer = model.eval(), tokenizer
        self.source_language, self.target_language = source_language, target_language
        self.num_beams, self.batch_size = num_beams, batch_size
        self.max_length = min(max_length, getattr(model.config, "max_position_embeddings", None) or max_length)
        self.name = name or f"translate-test ({source.rstrip('/').rsplit('/', 1)[-1]})"
        self._start: dict[str, int] = {}
        self._prefix = ""
        if codes := language_codes(tokenizer):
            self._source_code = model_code(source_language, codes, source)
            self._start = _first_token(tokenizer, model_code(target_language, codes, source))
        else:
            self._source_code = None
            check_pair(tokenizer, source_language, target_language, source)
            self._prefix = target_prefix(tokenizer, target_language, source)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str,
        *,
        source_language: str,
        target_language: str = "en",
        revision: str | None = None,
        device: str | None = None,
        **options: int | str | None,
    ) -> Seq2SeqTranslator:
        """Load a translation model, float32, from the Hub or a folder; safetensors weights only.

        Args:
            name_or_path: such as `Helsinki-NLP/opus-mt-swc-en` or `facebook/nllb-200-distilled-600M`.
            source_language, target_language: see the class.
            revision: branch, tag or commit; for a model with pickled weights alone, `refs/pr/N` of a pull request with others.
            device: default: the GPU if there is one.
            **options: `num_beams`, `batch_size`, `max_length`, `name`, see the class.

        Raises:
            DataError: no such language, or the model does not know it.
            ValueError: the model is not there, is no sequence-to-sequence model, has no safetensors, or a package is missing.
        """
        import torch

        model, tokenizer = _load(str(name_or_path), revision)
        model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        return cls(model, tokenizer, source_language=source_language, target_language=target_language, **options)

    def translate(self, texts: Sequence[str], *, show_progress_bar: bool | None = None) -> list[str]:
        """Translations in the order of the texts; one without words is "".

        Args:
            show_progress_bar: None: for more than 200 texts.
        """
        from transformers.utils import logging as hf_logging

        distinct = [text for text in dict.fromkeys(texts) if text.strip()]
        ids = self._token_ids(distinct)
        show = len(distinct) > _PROGRESS_FROM if show_progress_bar is None else show_progress_bar
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))  # longest first: memory runs out at once or never
        translations: dict[str, str] = {}
        with hf_logging.tqdm(total=len(ids), desc="translating", unit="text", disable=not show) as progress:
            for start in range(0, len(order), self.batch_size):
                chosen = order[start : start + self.batch_size]
                found = self._translate_batch([ids[i] for i in chosen])
                translations |= {distinct[i]: text for i, text in zip(chosen, found, strict=True)}
                progress.update(len(chosen))
        return [translations.get(text, "") for text in texts]

    def _token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        if self._source_code is not None:
            self.tokenizer.src_lang = self._source_code
        prefixed = [self._prefix + text for text in texts]
        ids = self.tokenizer(prefixed, truncation=True, max_length=self.max_length)["input_ids"]
        # only texts that fill the limit can have been cut
        full = [text for text, found in zip(prefixed, ids, strict=True) if len(found) >= self.max_length]
        cut = sum(len(self.tokenizer(text)["input_ids"]) > self.max_length for text in full)
        if cut:
            logger.warning("%d of %d texts are longer than %d tokens and were cut.", cut, len(ids), self.max_length)
        return ids

    def _translate_batch(self, ids: list[list[int]]) -> list[str]:
        import torch

        batch = self.tokenizer.pad({"input_ids": ids}, padding=True, return_tensors="pt").to(self.model.device)
        with torch.no_grad():
            tokens: torch.Tensor = self.model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                generation_config=self._generation(max(map(len, ids))),
            )
        return [" ".join(text.split()) for text in self.tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    def _generation(self, longest: int) -> GenerationConfig:
        config = copy.deepcopy(self.model.generation_config)
        settings = {"do_sample": False, "num_beams": self.num_beams, "max_length": None, "min_length": 0, "num_return_sequences": 1}
        settings |= {"max_new_tokens": min(self.max_length, _TOKENS_PER_TOKEN * longest + _TOKENS_MORE)} | self._start
        settings |= dict.fromkeys(("temperature", "top_k", "top_p"))
        if self.num_beams == 1:  # what only beam search knows
            settings |= {"early_stopping": False, "length_penalty": 1.0}
        config.update(**settings)
        return config


def _first_token(tokenizer: PreTrainedTokenizerBase, code: str) -> dict[str, int]:
    """What makes the decoder begin with the target language."""
    # M2M100's tokens are not spelt like its codes
    token = tokenizer.get_lang_id(code) if hasattr(tokenizer, "get_lang_id") else tokenizer.convert_tokens_to_ids(code)
    # mBART-25 begins with the language itself, all others with </s> and then the language
    is_mbart_25 = type(tokenizer).__name__.startswith("MBartTokenizer")
    return {"decoder_start_token_id" if is_mbart_25 else "forced_bos_token_id": token}


def _load(name: str, revision: str | None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from ..models.loading_optical import missing_weights, quiet_loading, without_progress_bars

    at = {"revision": revision} if revision else {}
    try:
        with quiet_loading(), without_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(name, **at)
            model, info = AutoModelForSeq2SeqLM.from_pretrained(
                name, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **at
            )
    except ImportError as error:
        package = "sentencepiece" if "sentencepiece" in str(error).lower() else "a package"
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"translator {name}: its tokenizer needs {package} (pip install sentencepiece): {reason}") from None
    except SafetensorError as error:
        raise ValueError(f"translator {name}: the weights are damaged or cut off ({error}): copy them again.") from None
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ValueError(f"translator {name} cannot be loaded as a sequence-to-sequence model: {reason.strip()}") from None
    if missing := missing_weights(info):
        raise ValueError(f"translator {name}: {len(missing)} weights are missing or of another shape {missing[:2]}.")
    return model, tokenizer
