"""Exporting takes seconds: the same weights are exported once."""

import shutil

import pytest


@pytest.fixture(scope="session")
def _exports(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


@pytest.fixture
def export_once(_exports, monkeypatch):
    """The exporter itself runs for the first export of some weights; whatever comes after it runs each time."""
    from hf_optical.export import onnx_export

    export = onnx_export._export

    def once(model, file):
        kept = _exports / f"{model.fingerprint()}.onnx"
        if not kept.exists():
            export(model, kept)
        shutil.copy(kept, file)

    monkeypatch.setattr(onnx_export, "_export", once)
