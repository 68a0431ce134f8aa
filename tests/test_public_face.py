import subprocess
import sys

import pytest

import keras_cxr


def test_public_names_are_sorted_and_there():
    assert keras_cxr.__all__ == sorted(keras_cxr.__all__)
    for name in keras_cxr.__all__:
        assert getattr(keras_cxr, name) is not None
    assert set(keras_cxr.__all__) <= set(dir(keras_cxr))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'build_resnet'"):
        keras_cxr.build_resnet  # noqa: B018


def test_every_public_name_has_a_docstring():
    for name in set(keras_cxr.__all__) - {"__version__"}:
        assert getattr(keras_cxr, name).__doc__, name


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import keras_cxr; keras_cxr.__version__", "keras tensorflow pandas matplotlib cv2"),
        ("import keras_cxr.cli", "keras tensorflow pandas matplotlib cv2"),
        ("import keras_cxr.audit", "keras tensorflow pandas matplotlib cv2"),
        ("from keras_cxr.audit import audit_data", "keras tensorflow matplotlib"),
        ("import keras_cxr.evaluation", "keras tensorflow pandas matplotlib cv2"),
        ("from keras_cxr.exports import read_export", "keras tensorflow pandas matplotlib cv2"),
        ("from keras_cxr.inference import Classifier", "keras tensorflow matplotlib sklearn"),
        ("import keras_cxr.models", "keras tensorflow pandas matplotlib cv2"),
        ("import keras_cxr; dir(keras_cxr), keras_cxr.__all__", "keras tensorflow matplotlib"),
        (
            "from keras_cxr.evaluation import Estimate, compute_metrics",
            "keras tensorflow matplotlib",
        ),
    ],
)
def test_importing_is_light(code, absent):
    names = set(absent.split())
    check = f"import sys; {code}; assert not {names} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
