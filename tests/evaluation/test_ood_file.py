import io
import json

import keras
import numpy as np
import pytest

from keras_cxr import build_lenet5
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.evaluation.ood_file import NUMBERS, read_detector, weights_digest, write_detector


@pytest.fixture(scope="module")
def detector():
    keras.utils.set_random_seed(0)
    references = np.random.default_rng(0).normal(size=(20, 84 + 256)).astype(np.float16)
    return OutOfDistribution(build_lenet5((32, 32, 1), 4), references, 0.5, 2, 10, True)


def test_what_is_written_is_read_again(detector, tmp_path):
    numbers = {name: getattr(detector, name) for name in NUMBERS}
    path = write_detector(tmp_path / "a.npz", detector.model, detector.references, numbers)
    references, found = read_detector(path, detector.model)
    assert found == numbers == {
        "threshold": 0.5, "neighbor": 2, "num_validation": 10, "held_out": True
    }  # fmt: skip
    np.testing.assert_array_equal(references, detector.references)


def test_the_digest_is_of_the_weights(detector):
    before = weights_digest(detector.model)
    assert weights_digest(keras.models.clone_model(detector.model)) != before
    assert weights_digest(detector.model) == before


def test_files_that_do_not_fit(detector, tmp_path):
    path = detector.save(tmp_path / "unusual.npz")
    with pytest.raises(ValueError, match="other weights than those of 'another'"):
        OutOfDistribution.load(path, build_lenet5((32, 32, 1), 4, name="another"))
    with pytest.raises(FileNotFoundError, match=r"no file .*lost\.npz"):
        OutOfDistribution.load(tmp_path / "lost.npz", detector.model)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"unusual\.npz is damaged"):
            OutOfDistribution.load(path, detector.model)
    held = io.BytesIO()
    np.savez(held, head=np.array(json.dumps({"schema_version": 9})), references=np.zeros(1))
    path.write_bytes(held.getvalue())
    with pytest.raises(ValueError, match="schema version 9, this release reads 1"):
        OutOfDistribution.load(path, detector.model)


def test_references_of_another_width_or_too_few_are_damage(detector, tmp_path):
    numbers = {name: getattr(detector, name) for name in NUMBERS}
    for references in (detector.references[:, 1:], detector.references[:1]):
        path = write_detector(tmp_path / "a.npz", detector.model, references, numbers)
        with pytest.raises(ValueError, match=r"not finite numbers of shape \(rows, 340\)"):
            read_detector(path, detector.model)
