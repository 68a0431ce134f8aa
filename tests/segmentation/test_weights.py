import hashlib
import shutil

import numpy as np
import pytest

from keras_cxr.errors import InvalidArgumentError, NotFoundError, WeightsUnavailableError
from keras_cxr.segmentation import build_lung_unet, weights
from keras_cxr.segmentation.weights import PRESETS, load_weights, save_weights

SMALL = (32, 32, 1)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_are_small_float16_and_have_a_text_beside_them(preset):
    path = weights._FOLDER / preset.file
    assert path.stat().st_size <= 1_000_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == preset.sha256
    with np.load(path) as held:
        assert {held[name].dtype.name for name in held.files} == {"float16"}
    assert "CC BY 4.0" in path.with_suffix(".md").read_text(encoding="utf-8")


def test_weights_are_float32_and_the_same_at_every_size():
    models = [build_lung_unet(size, weights="human_masks") for size in (SMALL, (96, 64, 1))]
    assert {weight.dtype for weight in models[0].weights} == {"float32"}
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_saved_weights_are_read_again(tmp_path):
    model, other = build_lung_unet(SMALL), build_lung_unet(SMALL)
    save_weights(model, tmp_path / "mine.npz")
    load_weights(other, tmp_path / "mine.npz")
    for one, again in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(again, one, rtol=1e-3, atol=1e-6)


def without(arrays):
    del arrays["stem_conv/kernel"]


def of_another_shape(arrays):
    arrays["logits/bias"] = np.zeros(2, np.float16)


def with_nan(arrays):
    arrays["logits/bias"] = np.full(1, np.nan, np.float16)


def with_more(arrays):
    arrays["more"] = np.zeros(1, np.float16)


def of_objects(arrays):
    arrays["logits/bias"] = np.array([None])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (without, "it lacks stem_conv/kernel"),
        (of_another_shape, r"logits/bias is float16 of shape \(2,\), not of \(1,\)"),
        (with_nan, "logits/bias holds NaN"),
        (with_more, "it holds more, which the model has not"),
        (of_objects, "holds Python objects"),
    ],
)
def test_files_that_do_not_fit(change, text, tmp_path):
    with np.load(weights._FOLDER / PRESETS["human_masks"].file) as held:
        arrays = dict(held)
    change(arrays)
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(WeightsUnavailableError, match=rf"mine\.npz does not fit.*{text}"):
        load_weights(build_lung_unet(SMALL), tmp_path / "mine.npz")


def test_files_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(InvalidArgumentError, match=r"must be 'human_masks', the path of an \.npz"):
        build_lung_unet(SMALL, weights="imagenet")
    with pytest.raises(NotFoundError, match="There is no weights file"):
        build_lung_unet(SMALL, weights=tmp_path / "none.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4")
    with pytest.raises(WeightsUnavailableError, match="does not fit 'lung_unet'"):
        build_lung_unet(SMALL, weights=tmp_path / "cut.npz")
    for preset in PRESETS.values():
        shutil.copy(tmp_path / "cut.npz", tmp_path / preset.file)
    monkeypatch.setattr(weights, "_FOLDER", tmp_path)
    with pytest.raises(WeightsUnavailableError, match="is not the one that keras-cxr came with"):
        build_lung_unet(SMALL, weights="human_masks")
