import keras
import pytest

from tests.explain.models import body, dense, functional, tail


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(3)
    return functional(*body(), *tail(), dense())
