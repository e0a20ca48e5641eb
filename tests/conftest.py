"""Tiny random models, tokenizers of three kinds and the pytest options, shared by all tests. No network."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import string
from collections.abc import Callable
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("hf_optical", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("hf_optical")

FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")
_TEXT = """
the a of and to in is are how what when where who which why do does can for on with from by at it this that water maize farm farmer
market child school health doctor lake river mountain village seed rain soil harvest store dry price travel road bus teacher book
history king trade ship tree bird lion sun year day people many much grow sell buy eat drink clean
ya wa na la za kwa ni katika cha vya nini gani wapi lini nani vipi maji mahindi shamba mkulima soko mtoto shule afya daktari ziwa
mto mlima kijiji mbegu mvua udongo mavuno bei safari barabara basi mwalimu kitabu historia mfalme biashara meli mti ndege simba
jua mwaka siku watu wengi panda uza nunua kula kunywa safi je huhifadhiwaje kavu
"""
WORDS = _TEXT.split()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take more than ten seconds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))
        if "gpu" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test starts from the same random numbers, in whatever order tests run."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the demo sets its own number, and sums in another order have other last bits


@pytest.fixture(scope="session")
def suite() -> Path:
    """The real data: folder in OPTICAL_SUITE, or `../shared/suite` beside the repository."""
    folder = Path(os.environ.get("OPTICAL_SUITE") or Path(__file__).parents[2] / "shared" / "suite")
    if not folder.is_dir():
        pytest.skip(f"real data not found in {folder}: set OPTICAL_SUITE")
    return folder


def wordpiece_tokenizer():
    """BERT's: lower case, `[CLS] text [SEP]`; every ASCII word can be spelt, other scripts are [UNK]."""
    from transformers import BertTokenizer

    characters = string.ascii_lowercase + string.digits
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]", *string.punctuation, *characters]
    pieces += [f"##{c}" for c in characters] + [word for word in dict.fromkeys(WORDS) if len(word) > 1]
    return BertTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, model_max_length=128)


def unigram_tokenizer():
    """XLM-R's: cased, SentencePiece-like, `<s> text </s>`. As in the real one, the special tokens are pieces of the model too."""
    from transformers import XLMRobertaTokenizer

    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -4.0)]
    pieces += [(c, -9.0) for c in string.ascii_letters + string.digits + string.punctuation]
    pieces += [(f"▁{word}", -6.0) for word in dict.fromkeys(WORDS)] + [("<mask>", 0.0)]
    return XLMRobertaTokenizer(vocab=pieces, model_max_length=128)


def bytes_tokenizer():
    """ModernBERT's: byte-level BPE, cased, `[CLS] text [SEP]`; nothing is unknown."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False, min_frequency=1)
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    )
    names = {f"{token[1:-1].lower()}_token": token for token in special}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=256, **names)


def make_encoder(family: str, folder: Path, seed: int = 0) -> Path:
    """Save a random encoder (hidden 32, 2 layers, 2 heads) of a family and its tokenizer in the folder."""
    from transformers import AutoModel, BertConfig, DistilBertConfig, ModernBertConfig, XLMRobertaConfig

    torch.manual_seed(seed)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if family == "bert":
        tokenizer = wordpiece_tokenizer()
        config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=128, **shape)
    elif family == "xlm-roberta":
        tokenizer = unigram_tokenizer()
        ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
        config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=130, type_vocab_size=1, **ids, **shape)
    elif family == "modernbert":
        tokenizer = bytes_tokenizer()
        ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "cls", "sep")}
        shape |= {"max_position_embeddings": 256, "local_attention": 16}
        config = ModernBertConfig(vocab_size=len(tokenizer), bos_token_id=None, eos_token_id=None, **ids, **shape)
    elif family == "distilbert":
        tokenizer = wordpiece_tokenizer()
        config = DistilBertConfig(
            vocab_size=len(tokenizer), max_position_embeddings=128, dim=32, n_layers=2, n_heads=2, hidden_dim=64
        )
    else:
        raise ValueError(f"no tiny encoder of family {family!r}: one of {', '.join(FAMILIES)}.")
    model = AutoModel.from_config(config)
    with torch.no_grad():  # the usual 0.02 makes all tokens of so small a model nearly alike
        for name, weight in model.named_parameters():
            if weight.dim() == 2:
                weight.normal_(std=1.0 if "embeddings" in name else 0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def encoder_dir(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """`encoder_dir(family)`: folder of a tiny random encoder with its tokenizer; families as in FAMILIES. Do not write into it."""
    folders: dict[str, str] = {}

    def folder_of(family: str = "bert") -> str:
        if family not in folders:
            folders[family] = str(make_encoder(family, tmp_path_factory.mktemp(family), seed=len(family)))
        return folders[family]

    return folder_of


@pytest.fixture(scope="session")
def tiny_teacher(encoder_dir):
    """Untrained OpticalTeacherModel: BERT, 16 dimensions, queries of 16 tokens, documents of 48. Copy it to change it."""
    from hf_optical.models import OpticalTeacherModel

    torch.manual_seed(1)
    return OpticalTeacherModel.from_encoder(encoder_dir("bert"), embedding_dim=16, query_length=16, document_length=48)


@pytest.fixture(scope="session")
def tiny_student(tiny_teacher):
    """Its undistilled student for Swahili. Copy it (`copy.deepcopy`) to train or change it."""
    from hf_optical.models import OpticalStudentModel

    return OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"])


@pytest.fixture(autouse=True)
def shared_models_unchanged(request: pytest.FixtureRequest):
    """A test that changes a shared model fails itself, not those that run after it."""
    names = [name for name in ("tiny_teacher", "tiny_student") if name in request.fixturenames]
    before = {name: request.getfixturevalue(name).fingerprint() for name in names}
    yield
    for name in names:
        request.getfixturevalue(name).requires_grad_(True)  # a trainer freezes its teacher
    changed = [name for name in names if request.getfixturevalue(name).fingerprint() != before[name]]
    assert not changed, f"this test changed the shared {', '.join(changed)}: work on copy.deepcopy of it"


TRANSLATIONS = {
    **{"the": "ya", "maize": "mahindi", "farm": "shamba", "water": "maji", "market": "soko", "child": "mtoto", "school": "shule"},
    **{"health": "afya", "river": "mto", "seed": "mbegu", "rain": "mvua", "soil": "udongo", "harvest": "mavuno", "price": "bei"},
}


@pytest.fixture(scope="session")
def workshop_source(tmp_path_factory, encoder_dir, tiny_teacher, tiny_student) -> Path:
    folder = tmp_path_factory.mktemp("workshop")
    shutil.copytree(encoder_dir("bert"), folder / "encoder")
    copy.deepcopy(tiny_teacher).save_pretrained(folder / "teacher")
    copy.deepcopy(tiny_student).save_pretrained(folder / "student")
    draw = random.Random(0)
    english = list(dict.fromkeys(" ".join(draw.sample(list(TRANSLATIONS), k=draw.randint(2, 9))) for _ in range(48)))
    swahili = [" ".join(TRANSLATIONS[word] for word in text.split()) for text in english]
    rows = [f"{e}\t{s}\n" for e, s in zip(english, swahili, strict=True)]
    (folder / "pairs.tsv").write_text("english\tnon_english\n" + "".join(rows), encoding="utf-8")
    triples = [{"query": e, "positive": f"{e} the", "negatives": [english[i - 1]]} for i, e in enumerate(english)]
    (folder / "triples.jsonl").write_text(_json_lines(triples))
    (folder / "benchmark" / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(english[:20])]
    queries = [{"_id": f"q{i}", "text": swahili[i], "english": english[i]} for i in range(8)]
    (folder / "benchmark" / "corpus.jsonl").write_text(_json_lines(corpus))
    (folder / "benchmark" / "queries.jsonl").write_text(_json_lines(queries))
    judged = "query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(8))
    for split in ("dev", "test"):
        (folder / "benchmark" / "qrels" / f"{split}.tsv").write_text(judged)
    return folder


@pytest.fixture
def workshop(workshop_source, tmp_path, monkeypatch) -> Path:
    """The current folder: `encoder`, `teacher`, `student` (undistilled), `pairs.tsv`, `triples.jsonl`, `benchmark`."""
    folder = tmp_path / "workshop"
    shutil.copytree(workshop_source, folder)
    monkeypatch.chdir(folder)
    return folder


def _json_lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
