"""An exported student gives torch's embeddings under onnxruntime, and runs where there is neither torch nor this package."""

import copy
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from hf_optical.export import ExportError, OnnxQueryEncoder, export_onnx
from hf_optical.export.onnx_export import INPUTS
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

TEXTS = [
    "mahindi huhifadhiwaje?",
    "",
    "maji [Q] [MASK] safi, ya kunywa </s>",
    "Safari ya ndege: mto, ziwa & mlima... 'maji' ni nini? " * 4,
    "東京 and [brackets] are text",
    "  water ",
]
SIZES = {"embedding_dim": 16, "query_length": 20, "document_length": 48}
# every family once, every setting once
CASES = {
    "bert": {},
    "xlm-roberta": {"attend_to_expansion_tokens": True},
    "modernbert": {"do_query_expansion": False},
    "distilbert": {"query_prefix": "swali: ", "document_prefix": "", "prefixes_are_text": True},
}


QUICK = ("bert", "modernbert")


@pytest.fixture(scope="module", params=[n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES])
def exported(request, encoder_dir, tmp_path_factory):
    """A student of each family, and the folder that it was exported to."""
    torch.manual_seed(0)
    teacher = OpticalTeacherModel.from_encoder(encoder_dir("bert"), **SIZES)
    student = OpticalStudentModel.from_encoder(encoder_dir(request.param), teacher, languages=["sw"], **CASES[request.param])
    folder = tmp_path_factory.mktemp(request.param)
    return student, folder, export_onnx(student, folder, int8=True)


def test_embeddings_are_torchs(exported):
    student, folder, report = exported
    encoder = OnnxQueryEncoder(folder, threads=1)
    for batch_size in (1, 2, 6):
        found = encoder.encode_query(TEXTS, batch_size=batch_size)
        for text, ours, theirs in zip(TEXTS, student.encode_query(TEXTS), found, strict=True):
            assert ours.shape == theirs.shape, text
            np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-4, rtol=0, err_msg=text)
    assert report.difference < 1e-4
    assert encoder.encode_query([]) == []
    with pytest.raises(TypeError, match="got one string"):
        encoder.encode_query("maji")


def test_any_batch_and_length_expanded_or_not(exported):
    student, folder, _ = exported
    session = OnnxQueryEncoder(folder, threads=1).session
    assert [node.name for node in session.get_inputs()] == list(INPUTS)
    assert session.get_inputs()[0].shape == ["batch", "length"]
    for texts in (TEXTS[:1], TEXTS[1:2], TEXTS, TEXTS * 3):
        for expand in (False, True):
            for max_length in (8, 20, 40):
                batch = student.processor.queries(texts, expand=expand, max_length=max_length)
                with torch.no_grad():
                    expected = student(**batch).embeddings.numpy()
                (found,) = session.run(None, {name: tensor.numpy() for name, tensor in batch.items()})
                np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0, err_msg=f"{len(texts)} {expand} {max_length}")


def test_int8_is_smaller_and_near(exported):
    student, folder, report = exported
    assert report.files["onnx/model_quantized.onnx"] < report.files["onnx/model.onnx"]
    assert 0.8 < report.int8_cosine < 1.0
    found = OnnxQueryEncoder(folder, int8=True, threads=1).encode_query(TEXTS)
    cosines = [(ours.numpy() * theirs).sum(-1).mean() for ours, theirs in zip(student.encode_query(TEXTS), found, strict=True)]
    assert min(cosines) > 0.6
    assert max(cosines) < 1 - 1e-6  # it is another model


WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("hf_optical", "torch", "transformers"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
folder, out, *texts = sys.argv[1:]
sys.path.insert(0, folder + "/onnx")
import numpy as np
from query_encoder import OnnxQueryEncoder
np.savez(out, *OnnxQueryEncoder(folder, threads=1).encode_query(texts))
"""


def test_runs_without_torch_and_without_this_package(exported, tmp_path):
    student, folder, _ = exported
    command = [sys.executable, "-P", "-c", WITHOUT_TORCH, folder, tmp_path / "out.npz", *TEXTS]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found:
        for i, ours in enumerate(student.encode_query(TEXTS)):
            np.testing.assert_allclose(found[f"arr_{i}"], ours.numpy(), atol=1e-4, rtol=0)


@pytest.mark.usefixtures("export_once")
def test_beside_the_student_only_one_folder_is_new(tiny_student, tmp_path):
    student = copy.deepcopy(tiny_student)
    student.save_pretrained(tmp_path / "student")
    before = {file: file.read_bytes() for file in (tmp_path / "student").rglob("*") if file.is_file()}
    report = export_onnx(student, tmp_path / "student", int8=True)
    assert set(report.files) == {"onnx/model.onnx", "onnx/model_quantized.onnx"}
    assert {entry.name for entry in (tmp_path / "student").iterdir()} - {file.name for file in before} == {"onnx", "1_Dense"}
    assert all(file.read_bytes() == content for file, content in before.items())
    report = export_onnx(student, tmp_path / "student")
    assert set(report.files) == {"onnx/model.onnx"}  # the quantised one could have been of other weights
    assert report.int8_cosine is None
    with pytest.raises(FileNotFoundError, match="--int8"):
        OnnxQueryEncoder(tmp_path / "student", int8=True)
    exported = b"".join(file.read_bytes() for file in (tmp_path / "student" / "onnx").iterdir())
    for place in (sys.prefix, os.path.dirname(torch.__file__), str(tmp_path), "stack_trace"):
        assert place.encode() not in exported, place  # the exporter notes in which folders the code was
    settings = json.loads((tmp_path / "student" / "onnx" / "query_encoder.json").read_text())
    assert settings["student"] == report.fingerprint == tiny_student.fingerprint()
    assert str(tmp_path) not in json.dumps(settings)


def test_what_is_refused_leaves_nothing_behind(tiny_student, tiny_teacher, tmp_path, monkeypatch):
    folder = tmp_path / "teacher"
    copy.deepcopy(tiny_teacher).save_pretrained(folder)
    with pytest.raises(ExportError, match="holds another model"):
        export_onnx(tiny_student, folder)
    for_documents = copy.deepcopy(tiny_student)
    for_documents.config.side = "document"
    with pytest.raises(ExportError, match="encodes documents"):
        export_onnx(for_documents, tmp_path / "out")

    from hf_optical.export import onnx_export

    monkeypatch.setattr(onnx_export, "_compare", lambda *_: (float("nan"), 1.0))
    monkeypatch.setattr(onnx_export, "_export", lambda _, file: file.write_bytes(b""))
    monkeypatch.setattr(onnx_export, "OnnxQueryEncoder", lambda *_, **__: None)
    with pytest.raises(ExportError, match="differs from torch"):
        export_onnx(tiny_student, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(ExportError, match=r"^ONNX export needs onnxruntime: .*hf_optical\[onnx\]"):
        export_onnx(tiny_student, tmp_path / "out")
