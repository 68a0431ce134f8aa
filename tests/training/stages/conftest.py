import keras
import pytest

from keras_cxr import build_lenet5, make_datasets


def lenet(seed, datasets):
    keras.utils.set_random_seed(seed)
    return build_lenet5(datasets.input_shape, datasets.num_classes)


@pytest.fixture
def films(phantoms, tmp_path):
    """Phantoms at 32 x 32 with a cache of their own, augmented."""
    return make_films(phantoms, tmp_path / "cache")


def make_films(folder, cache_dir, **options):
    fixed = {"image_size": (32, 32), "split": (0.75, 0.25, 0), "group_duplicates": False}
    return make_datasets(folder, cache_dir=cache_dir, batch_size=8, **{**fixed, **options})
