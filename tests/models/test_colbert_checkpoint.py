"""ColBERT checkpoints of other libraries: token embeddings are those of sentence-transformers, everything else is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AddedToken, AutoModel, AutoTokenizer

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel

st = pytest.importorskip("sentence_transformers")

from sentence_transformers import MultiVectorEncoder  # noqa: E402 (only where it is installed)
from sentence_transformers.base.modules import Dense, Normalize, Transformer  # noqa: E402
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask  # noqa: E402

PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
TEXTS = [
    "How is maize stored?",
    "Mahindi huhifadhiwaje, na kwa nini?",
    "Maize -- the farmer's (dry) harvest -- is stored in the village; the price is 1,500!",
    "water",
    "",
    "Safari ya ndege: Mto, ziwa & mlima... 'Maji' ni nini? " * 6,
    "The child (mtoto) eats at school. " * 2,
    "東京 and [brackets] are text",
]


def assert_same_embeddings(folder: Path) -> OpticalTeacherModel:
    """Queries and documents of both libraries agree, token by token, in batches of mixed lengths."""
    theirs = MultiVectorEncoder(str(folder), device="cpu")
    ours = OpticalTeacherModel.from_colbert(str(folder))
    for side in ("query", "document"):
        a = getattr(theirs, f"encode_{side}")(TEXTS, batch_size=3)
        b = getattr(ours, f"encode_{side}")(TEXTS, batch_size=3)
        for text, x, y in zip(TEXTS, a, b, strict=True):
            assert x.shape == y.shape, (side, text)
            torch.testing.assert_close(y, x, atol=1e-5, rtol=0, msg=lambda m, what=(side, text): f"{what}: {m}")
    return ours


def native(encoder: str, folder: Path, *, dims=(16,), skiplist=PUNCTUATION, prompts=None, dense=None, **transformer) -> Path:
    """A checkpoint that sentence-transformers itself saved."""
    modules = [Transformer(encoder, **transformer)]
    width = 32
    for dim in dims:
        options = {"bias": False, "activation_function": nn.Identity(), "module_input_name": "token_embeddings"} | (dense or {})
        modules.append(Dense(width, dim, **options))
        width = dim
    modules += [MultiVectorMask(skiplist_words=skiplist), Normalize(module_input_name="token_embeddings")]
    MultiVectorEncoder(modules=modules, prompts=prompts, device="cpu").save_pretrained(str(folder))
    return folder


EXPANSION = {"strategy": "fixed", "attend": False, "length": 24}
FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"skiplist": None, "query_length": 12, "document_length": 40},
        {"query_expansion": EXPANSION, "prompts": {"query": "[Q] ", "document": "[D] "}},
        {"query_expansion": EXPANSION | {"attend": True}, "prompts": {"query": "query: ", "document": "passage: "}},
        {"prompts": {"query": "swali: "}, "dims": (24, 8)},
    ],
    ids=["plain", "lengths", "expansion", "attended", "two-dense"],
)
def test_native_layout(encoder_dir, tmp_path, family, options):
    teacher = assert_same_embeddings(native(encoder_dir(family), tmp_path / "st", **options))
    assert teacher.config.do_query_expansion == ("query_expansion" in options)
    assert teacher.config.embedding_dim == options.get("dims", (16,))[-1]
    again = OpticalTeacherModel.from_pretrained(save(teacher, tmp_path / "ours"))
    torch.testing.assert_close(again.encode_query(TEXTS)[1], teacher.encode_query(TEXTS)[1], atol=0, rtol=0)


def save(model, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


def test_native_marker_tokens_become_ids(encoder_dir, tmp_path):
    """Prompts that the tokenizer has as one token are markers; the student made of such a teacher keeps them."""
    encoder = shutil.copytree(encoder_dir("bert"), tmp_path / "encoder")
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)
    tokenizer.add_tokens([AddedToken("[Q] ", normalized=False), AddedToken("[D] ", normalized=False)])
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(encoder)
    tokenizer.save_pretrained(encoder)
    folder = native(str(encoder), tmp_path / "st", prompts={"query": "[Q] ", "document": "[D] "}, query_expansion=EXPANSION)
    teacher = assert_same_embeddings(folder)
    assert not teacher.config.prefixes_are_text
    assert isinstance(teacher.processor.query_marker, int)
    # the tokenizer finds a marker that is no special token of it in any text; only ours may stand there
    ids = teacher.processor.queries(["[Q] water [D] [Q] "], expand=False)["input_ids"][0].tolist()
    assert ids.count(teacher.processor.query_marker) == 1
    assert teacher.processor.document_marker not in ids


def test_student_of_a_teacher_with_text_prompts(encoder_dir, tmp_path):
    folder = native(encoder_dir("bert"), tmp_path / "st", prompts={"query": "query: ", "document": "passage: "})
    teacher = OpticalTeacherModel.from_colbert(str(folder))
    copy = OpticalStudentModel.from_teacher(teacher, languages=["sw"])
    for x, y in zip(copy.encode_query(TEXTS), teacher.encode_query(TEXTS), strict=True):
        assert torch.equal(x, y)
    own = OpticalStudentModel.from_encoder(encoder_dir("xlm-roberta"), teacher, languages=["sw"])
    assert isinstance(own.processor.query_marker, int)  # a token of its own, to be learnt


def pylate(encoder: str, folder: Path, *, dims=(16,), markers=("[Q] ", "[D] "), **settings) -> Path:
    """A folder as PyLate 1.x saves it: markers added as ordinary tokens, one Dense, settings beside."""
    shutil.copytree(encoder, folder)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    tokenizer.add_tokens([marker for marker in markers if marker])
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    width = 32
    for i, dim in enumerate(dims, 1):
        part = folder / f"{i}_Dense"
        part.mkdir()
        modules.append({"idx": i, "name": str(i), "path": part.name, "type": "pylate.models.Dense.Dense"})
        activation = "torch.nn.modules.linear.Identity"
        write(part / "config.json", {"in_features": width, "out_features": dim, "bias": False, "activation_function": activation})
        save_file({"linear.weight": torch.randn(dim, width)}, part / "model.safetensors")
        width = dim
    write(folder / "modules.json", modules)
    write(folder / "sentence_bert_config.json", {"max_seq_length": 47, "do_lower_case": False})
    default = {
        "model_type": "ColBERT",
        "query_prefix": markers[0],
        "document_prefix": markers[1],
        "query_length": 16,
        "document_length": 48,
        "attend_to_expansion_tokens": False,
        "skiplist_words": PUNCTUATION,
        "do_query_expansion": True,
        "similarity_fn_name": "MaxSim",
        "prompts": {},
    }
    kept = {k: v for k, v in (default | settings).items() if v != "absent"}
    write(folder / "config_sentence_transformers.json", kept)
    return folder


def write(file: Path, content) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"attend_to_expansion_tokens": True, "skiplist_words": "absent", "dims": (24, 8)},
        {"do_query_expansion": False, "skiplist_words": ["maize", "no such token", "."]},
        {"markers": ("", ""), "query_length": "absent", "document_length": "absent"},
        {"query_length": None, "do_query_expansion": False, "skiplist_words": []},
    ],
    ids=["plain", "attended", "unexpanded", "defaults", "no-skiplist"],
)
def test_pylate_layout(encoder_dir, tmp_path, family, options):
    teacher = assert_same_embeddings(pylate(encoder_dir(family), tmp_path / "pylate", **options))
    assert not teacher.config.prefixes_are_text


def test_pylate_prefix_with_a_space_behind_a_known_token(encoder_dir, tmp_path):
    folder = pylate(encoder_dir("bert"), tmp_path / "pylate", markers=("", ""))
    settings = json.loads((folder / "config_sentence_transformers.json").read_text())
    write(folder / "config_sentence_transformers.json", settings | {"query_prefix": "[unused0] ", "document_prefix": "[unused1] "})
    assert assert_same_embeddings(folder).config.query_prefix == "[unused0]"


def stanford(encoder: str, folder: Path, metadata: dict | None, prefix: str = "bert.") -> Path:
    """A folder as Stanford ColBERT saves it: one weights file, `artifact.metadata` beside."""
    shutil.copytree(encoder, folder)
    weights = {f"{prefix}{name}": weight for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights | {"linear.weight": torch.randn(16, 32)}, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    write(folder / "config.json", config | {"architectures": ["HF_ColBERT"]})
    if metadata is not None:
        write(folder / "artifact.metadata", metadata)
    return folder


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"query_maxlen": 20, "doc_maxlen": 40, "query_token_id": "[unused0]", "doc_token_id": "[unused1]"},
        {"query_maxlen": 12, "attend_to_mask_tokens": True, "mask_punctuation": False, "query_token_id": "[unused1]"},
    ],
    ids=["defaults", "lengths", "attended"],
)
def test_stanford_layout(encoder_dir, tmp_path, metadata):
    teacher = assert_same_embeddings(stanford(encoder_dir("bert"), tmp_path / "stanford", metadata))
    assert teacher.config.query_prefix == (metadata or {}).get("query_token_id", "[unused0]")


def edit(file: Path, **changes) -> None:
    write(file, json.loads(file.read_text()) | changes)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def pickled(file: Path) -> None:
    torch.save(load_file(file), file.with_name("pytorch_model.bin"))
    file.unlink()


def add_module(folder: Path, **module) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    write(folder / "modules.json", [*modules, {"idx": len(modules), "name": "x", "path": "x", **module}])


SIDE = "config_sentence_transformers.json"
DAMAGE = {
    "bias": (lambda f: edit(f / "1_Dense/config.json", bias=True), "bias-free"),
    "activation": (lambda f: edit(f / "1_Dense/config.json", activation_function="torch.nn.modules.activation.Tanh"), "Tanh"),
    "residual": (lambda f: edit(f / "1_Dense/config.json", use_residual=True), "residual"),
    "dense gone": (lambda f: (f / "1_Dense/model.safetensors").unlink(), "linear.weight"),
    "dense cut": (lambda f: truncate(f / "1_Dense/model.safetensors"), "damaged or cut off"),
    "dense shape": (lambda f: save_file({"linear.weight": torch.ones(4, 5)}, f / "1_Dense/model.safetensors"), r"\(4, 5\)"),
    "dense pickled": (lambda f: pickled(f / "1_Dense/model.safetensors"), "pickled"),
    "encoder gone": (lambda f: (f / "model.safetensors").unlink(), "no safetensors"),
    "encoder cut": (lambda f: truncate(f / "model.safetensors"), "damaged or cut off"),
    "encoder pickled": (lambda f: pickled(f / "model.safetensors"), "pickled"),
    "tensors gone": (lambda f: save_file({"a": torch.ones(1)}, f / "model.safetensors", {"format": "pt"}), "missing"),
    "config gone": (lambda f: (f / "config.json").unlink(), "cannot|can be loaded|missing"),
    "modules damaged": (lambda f: (f / "modules.json").write_text('[\n{"idx": 0,'), r"modules.json: line 2"),
    "modules object": (lambda f: write(f / "modules.json", {}), "array"),
    "modules incomplete": (lambda f: write(f / "modules.json", [{"idx": 0}]), "each with idx, path and type"),
    "modules binary": (lambda f: (f / "modules.json").write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
    "side file damaged": (lambda f: (f / SIDE).write_text("{"), f"{SIDE}: line 1"),
    "pooling": (lambda f: add_module(f, type="sentence_transformers.models.Pooling"), "Pooling"),
    "token pooling": (lambda f: add_module(f, type="x.HierarchicalTokenPooling"), "HierarchicalTokenPooling"),
    "dense after norm": (
        lambda f: [add_module(f, type="x.Normalize"), add_module(f, type="x.Dense")],
        "no place for module 'x'",
    ),
    "strategy": (lambda f: edit(f / SIDE, query_expansion={"strategy": "min", "length": 8}), "only the strategy 'fixed'"),
    "expansion token": (
        lambda f: edit(f / SIDE, query_expansion={"strategy": "fixed", "length": 8, "token": "[SEP]"}),
        "mask token",
    ),
    "prompt behind the marker": (lambda f: edit(f / SIDE, prompts={"query": "[Q] query: "}), "neither one marker token nor"),
    "too long": (lambda f: edit(f / SIDE, document_length=1000), "more than the 128 tokens"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_bad_checkpoints_are_refused(encoder_dir, tmp_path, damage):
    folder = pylate(encoder_dir("bert"), tmp_path / "pylate", markers=("[Q] ", "[D] "))
    spoil, message = DAMAGE[damage]
    spoil(folder)
    with pytest.raises(ValueError, match=message):
        OpticalTeacherModel.from_colbert(str(folder))


def test_stanford_folders_with_missing_parts_are_refused(encoder_dir, tmp_path):
    wrong = stanford(encoder_dir("bert"), tmp_path / "wrong", None, prefix="roberta.")
    with pytest.raises(ValueError, match="weights of the encoder are missing"):
        OpticalTeacherModel.from_colbert(str(wrong))
    marker = stanford(encoder_dir("bert"), tmp_path / "marker", {"query_token_id": "[nowhere]"})
    with pytest.raises(ValueError, match=r"marker \[nowhere\]"):
        OpticalTeacherModel.from_colbert(str(marker))


def test_what_is_no_colbert_checkpoint(encoder_dir, tmp_path):
    with pytest.raises(ValueError, match="from_encoder"):
        OpticalTeacherModel.from_colbert(encoder_dir("bert"))
    with pytest.raises(ValueError, match="neither a folder nor a repository"):
        OpticalTeacherModel.from_colbert("no/such-model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"config.json is missing"):
        OpticalTeacherModel.from_colbert(str(tmp_path / "empty"))
    for modules, message in (
        ([MultiVectorMask(), Normalize(module_input_name="token_embeddings")], None),
        ([MultiVectorMask()], "no Normalize"),
        ([Normalize(module_input_name="token_embeddings")], "without a MultiVectorMask"),
    ):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        encoder = Transformer(encoder_dir("bert"), query_expansion=EXPANSION)
        MultiVectorEncoder(modules=[encoder, *modules], device="cpu").save_pretrained(str(folder))
        if message is None:
            assert assert_same_embeddings(folder).config.embedding_dim == 32  # no Dense: the encoder's own width
        else:
            with pytest.raises(ValueError, match=message):
                OpticalTeacherModel.from_colbert(str(folder))
