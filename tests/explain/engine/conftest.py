import keras
import pytest

from tests.explain.kinds import kind_functional


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(3)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(3)
    return kind_functional()[0]
