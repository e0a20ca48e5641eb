"""A searcher that the tests of the service share."""

import pytest

from hf_optical.search import DiskIndex, Searcher

from .stand_in import TEXTS


@pytest.fixture(scope="module")
def searcher(tiny_teacher, tiny_student, tmp_path_factory):
    metadata = [{"country": country} for country in ("KE", "TZ", "KE", "UG")]
    folder = tmp_path_factory.mktemp("index") / "index"
    index = DiskIndex.build(folder, tiny_teacher, ["a", "b", "c", "d"], TEXTS, metadata, show_progress_bar=False)
    return Searcher({"sw": tiny_student, "ha": tiny_student}, index)
