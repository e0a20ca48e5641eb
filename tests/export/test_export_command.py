"""`optical export onnx`."""

import json

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from hf_optical.commands.export import run
from hf_optical.export import OnnxQueryEncoder
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel


@pytest.mark.usefixtures("export_once")
def test_the_report_is_printed_and_the_files_are_there(workshop, capfd):
    run(["onnx", "student", "--output", "web", "--int8", "--json"])
    report = json.loads(capfd.readouterr().out)
    assert report["files"] == {f"onnx/{f.name}": f.stat().st_size for f in (workshop / "web" / "onnx").glob("*.onnx")}
    assert report["fingerprint"] == OpticalStudentModel.from_pretrained("student").fingerprint()
    assert OnnxQueryEncoder("web", int8=True).encode_query(["maji"])[0].shape[1] == 16
    names = {"config.json", "onnx", "tokenizer.json", "tokenizer_config.json"}
    assert {entry.name for entry in (workshop / "web").iterdir()} == names
    run(["onnx", "student", "--output", "web"])
    assert "embeddings are torch's" in capfd.readouterr().out


@pytest.mark.usefixtures("export_once")
def test_a_teacher_is_exported_for_questions_in_english(workshop, capfd):
    """A student for documents is refused with the advice to do so."""
    run(["onnx", "teacher", "--output", "web", "--json"])
    teacher = OpticalTeacherModel.from_pretrained("teacher")
    assert json.loads(capfd.readouterr().out)["fingerprint"] == teacher.fingerprint()
    (ours,), (exported,) = (encoder.encode_query(["dry maize"]) for encoder in (teacher, OnnxQueryEncoder("web")))
    np.testing.assert_allclose(exported, ours.numpy(), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["onnx", "encoder", "--output", "web"], "is a plain bert model, not a teacher"),
        (["onnx", "nowhere/at/all", "--output", "web"], "there is no such folder"),
        (["onnx", "student"], "--output"),
        (["tflite", "student", "--output", "web"], "invalid choice"),
        (["onnx", "student", "--output", "web", "--int4"], "unknown option --int4"),
        (["onnx", "student", "--output", "teacher"], "holds another model"),
    ],
)
def test_bad_input_is_one_line(workshop, argv, message):
    with pytest.raises(ValueError, match=message) as caught:
        run(argv)
    assert "\n" not in str(caught.value)
    assert not (workshop / "web").exists()
