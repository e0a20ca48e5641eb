import subprocess
import sys

import pytest

import hf_optical.data


def test_every_public_name_is_there():
    for name in hf_optical.data.__all__:
        assert getattr(hf_optical.data, name).__name__ == name
        assert name in dir(hf_optical.data)
    with pytest.raises(AttributeError, match="no attribute 'load_nothing'"):
        hf_optical.data.load_nothing  # noqa: B018


def test_heavy_packages_are_not_imported_by_it():
    # Every module but the parent package is loaded: what is heavy is imported inside functions.
    code = (
        "import sys, types; parent = types.ModuleType('hf_optical'); parent.__path__ = sys.argv[1:]; "
        "sys.modules['hf_optical'] = parent; import hf_optical.data as d; [getattr(d, name) for name in d.__all__]; "
        "print(sorted({'datasets', 'transformers', 'torch', 'pyarrow', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    folder = hf_optical.data.__path__[0].rpartition("data")[0]
    out = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
