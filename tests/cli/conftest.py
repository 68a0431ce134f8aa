import pytest

from keras_cxr.cli import main

SMALL = ("--image-size", "96", "96", "--epochs", "1", "--precision", "float32")


@pytest.fixture(scope="package")
def trained(phantoms, tmp_path_factory):
    """A folder that `keras-cxr train` left."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", str(phantoms), "--out", str(folder), *SMALL]) == 0
    return folder
