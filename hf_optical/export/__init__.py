"""A query encoder as ONNX: for a browser or a small server, without torch."""

from .onnx_export import ExportError, OnnxReport, export_onnx
from .query_encoder import OnnxQueryEncoder

__all__ = ["ExportError", "OnnxQueryEncoder", "OnnxReport", "export_onnx"]
