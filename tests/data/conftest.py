import pytest

from keras_cxr.data import make_datasets
from tests.data.helpers import OPTIONS, kaggle


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return kaggle(
        tmp_path_factory.mktemp("films"), counts={"COVID": 11, "Normal": 20, "Viral Pneumonia": 9}
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def make(films, cache):
    def made(data=films, **options):
        return make_datasets(data, cache_dir=cache, **{**OPTIONS, **options})

    return made
