import importlib
import sys

import pytest

PACKAGE = """
from keras_cxr._support.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {{"{name}.numbers": ("ONE", "TWO")}})
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    name = "lazily_loaded"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE.format(name=name))
    (folder / "numbers.py").write_text("ONE, TWO, THREE = 1, 2, 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(name)
    for loaded in [one for one in sys.modules if one.split(".")[0] == name]:
        del sys.modules[loaded]


def test_a_name_is_imported_when_it_is_used(package):
    assert {"ONE", "TWO"} <= set(dir(package))
    assert "lazily_loaded.numbers" not in sys.modules
    assert package.TWO == 2
    assert "lazily_loaded.numbers" in sys.modules
    assert vars(package)["TWO"] == 2  # found at once from now on
    assert "ONE" not in vars(package)


def test_other_names_are_no_attributes(package):
    with pytest.raises(AttributeError, match="'lazily_loaded' has no attribute 'THREE'"):
        package.THREE  # noqa: B018


@pytest.mark.parametrize(
    "room", ["keras_cxr", "keras_cxr.audit", "keras_cxr.evaluation", "keras_cxr.models"]
)
def test_the_packages_that_use_it_find_all_their_names(room):
    module = importlib.import_module(room)
    for name in module.__all__:
        assert getattr(module, name) is not None, name
