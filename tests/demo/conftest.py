"""An engine of tiny models in front of a handful of passages."""

import pytest
import torch

from hf_optical.demo.engine import DemoEngine
from hf_optical.demo.examples import Example
from hf_optical.demo.settings import DemoSettings
from hf_optical.search import DiskIndex

PASSAGES = {
    "d1": ("Storing maize", "the maize is dry in the store of a farmer"),
    "d2": ("River", "many fish and people drink water from the river"),
    "d3": ("", "<b>rain</b> & soil for the seed <script>alert(1)</script>"),
    "d4": ("School", "teacher and child read a book at school"),
}
QUERY = "mahindi katika shamba la mkulima"


@pytest.fixture(autouse=True)
def threads():
    """The demo chooses how many threads the process has; other tests compare bits, which depend on it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def engine(tiny_teacher, tiny_student, tmp_path_factory) -> DemoEngine:
    """Swahili and English, of untrained models."""
    texts = [f"{title} {text}".strip() for title, text in PASSAGES.values()]
    titles = [{"title": title} if title else {} for title, _ in PASSAGES.values()]
    index = DiskIndex.build(tmp_path_factory.mktemp("demo") / "index", tiny_teacher, list(PASSAGES), texts, titles)
    examples = {"sw": [Example(QUERY, {"d1"}, "maize on the farmer's farm")]}
    return DemoEngine({"sw": tiny_student}, index, tiny_teacher, settings=DemoSettings(max_results=3), examples=examples)


@pytest.fixture(scope="session")
def fused_engine(engine, tiny_student) -> DemoEngine:
    """The same with BM25 beside the student. Its weight is so great that a passage found by its letters comes first."""
    settings = DemoSettings(max_results=3, lexical_weight=9.0)
    return DemoEngine({"sw": tiny_student}, engine.index, engine.teacher, settings=settings)
