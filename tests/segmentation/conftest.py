import numpy as np
import pytest

from keras_cxr.data import read_image
from keras_cxr.segmentation import LungSegmenter


@pytest.fixture(scope="package")
def segmenter():
    """The network with the weights of the package; only to be asked."""
    return LungSegmenter()


@pytest.fixture(scope="package")
def films(phantoms):
    """Eight phantoms, two of each class, (8, 96, 96) uint8, and their masks as bool."""
    files = sorted(phantoms.glob("*/images/*-[12].png"))
    masks = [file.parent.parent / "masks" / file.name for file in files]
    pictures, lungs = (
        np.stack([read_image(one)[..., 0] for one in paths]) for paths in (files, masks)
    )
    return pictures, lungs > 127
