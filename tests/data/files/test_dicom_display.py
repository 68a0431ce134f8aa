"""DICOM films beside pydicom's own functions and beside values worked out by hand."""

import cv2
import numpy as np
import pytest

from keras_cxr.data import read_image
from keras_cxr.errors import DataError
from tests.data.dicom_files import RAMP, SQUARES, film, palette, table, with_raw

pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")


SIGNED = RAMP.astype(np.int16) - 2048


def by_pydicom(path):
    """Modality, VOI and presentation by pydicom on whole arrays; [0, 1] before presentation."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    data = pydicom.dcmread(path)
    stored = data.pixel_array
    mapped = apply_modality_lut(stored, data)
    signed = data.get("PixelRepresentation", 0)
    top = 2 ** (data.BitsStored - signed) - 1
    ends = apply_modality_lut(np.array([top - 2**data.BitsStored + 1, top]), data)
    low, high = float(min(ends)), float(max(ends))
    if "ModalityLUTSequence" in data:
        low, high = 0.0, 2.0 ** data.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    if "VOILUTSequence" in data:
        mapped = mapped.astype(int)
        low, high = 0.0, 2.0 ** data.VOILUTSequence[0].LUTDescriptor[2] - 1
    shown = (apply_voi_lut(mapped, data) - low) / (high - low)
    shape = data.get("PresentationLUTShape", "IDENTITY")
    inverted = data.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE"
    return 1.0 - shown if inverted else shown


WINDOW = {"WindowCenter": [2000, 5], "WindowWidth": [3000, 5]}


KINDS = {
    "bits": (RAMP, {}),
    "signed": (SIGNED, {}),
    "rescale": (RAMP, {"RescaleSlope": "0.5", "RescaleIntercept": "-100"}),
    "negative slope": (RAMP, {"RescaleSlope": "-1", "RescaleIntercept": "4095"}),
    "modality table": (RAMP, {"ModalityLUTSequence": table(SQUARES)}),
    "modality table of 8 bits": (RAMP, {"ModalityLUTSequence": table(SQUARES // 257, bits=8)}),
    "window": (RAMP, WINDOW),
    "window after rescale": (RAMP, WINDOW | {"RescaleSlope": "2", "RescaleIntercept": "-900"}),
    "window after table": (RAMP, WINDOW | {"ModalityLUTSequence": table(SQUARES)}),
    "exact window": (RAMP, WINDOW | {"VOILUTFunction": "LINEAR_EXACT"}),
    "sigmoid window": (RAMP, WINDOW | {"VOILUTFunction": "SIGMOID"}),
    "VOI table": (RAMP, {"VOILUTSequence": table(SQUARES)}),
    "VOI table of 12 bits": (RAMP, {"VOILUTSequence": table(SQUARES // 16, bits=12)}),
    "VOI table before window": (RAMP, WINDOW | {"VOILUTSequence": table(SQUARES)}),
    "VOI table of a part": (RAMP, {"VOILUTSequence": table(SQUARES[:2000], first=500)}),
    "VOI table of signed": (SIGNED, {"VOILUTSequence": table(SQUARES, first=0)}),
    "VOI after rescale": (
        RAMP,
        {"VOILUTSequence": table(SQUARES), "RescaleSlope": "0.25", "RescaleIntercept": "3"},
    ),
}


@pytest.mark.parametrize("inverse", ["", "MONOCHROME1", "INVERSE", "both"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_agrees_with_pydicom(tmp_path, kind, inverse):
    pixels, tags = KINDS[kind]
    photometric = "MONOCHROME1" if inverse in ("MONOCHROME1", "both") else "MONOCHROME2"
    if inverse in ("INVERSE", "both"):
        tags = tags | {"PresentationLUTShape": "INVERSE"}
    path = film(tmp_path / "a.dcm", pixels, bits=12, photometric=photometric, **tags)
    expected = np.rint(255.0 * by_pydicom(path))
    found = read_image(path)[..., 0].astype(int)
    assert np.abs(found - expected).max() <= 1
    assert len(np.unique(found)) > 6  # it could differ


def shown(tmp_path, values, *, bits=12, **tags):
    pixels = np.asarray(values)
    return read_image(film(tmp_path / "a.dcm", pixels[None], bits=bits, **tags))[0, :, 0].tolist()


U = np.uint16


def test_by_hand(tmp_path):
    slope = {"RescaleSlope": "-1", "RescaleIntercept": "4095"}
    assert shown(tmp_path, U([0, 4095]), **slope) == [255, 0]
    assert shown(tmp_path, U([0, 4095]), PresentationLUTShape="INVERSE") == [255, 0]
    both = {"photometric": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    assert shown(tmp_path, U([0, 4095]), **both) == [255, 0]
    narrow = {"WindowCenter": "0.5", "WindowWidth": "0.5", "VOILUTFunction": "LINEAR_EXACT"}
    tags = narrow | {"RescaleSlope": "0.001", "RescaleIntercept": "0"}
    assert shown(tmp_path, U([0, 250, 500, 750, 4095]), **tags) == [0, 0, 128, 255, 255]
    # 8-bit entries for 1,024 values, as many computed radiographs have
    entries = np.arange(1024) // 4
    tags = {"VOILUTSequence": table(entries, bits=8)}
    assert shown(tmp_path, U([0, 400, 1023, 4000]), **tags) == [0, 100, 255, 255]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_counts_for_nothing(tmp_path, photometric):
    values = U([0, 1000, 2000, 3000, 4000, 4000])
    tags = {"photometric": photometric, "PixelPaddingValue": 4000}
    found = shown(tmp_path, values, **tags)
    plain = shown(tmp_path, values, photometric=photometric)
    assert found == [*plain[:4], 0, 0]
    found = shown(tmp_path, values, PixelPaddingRangeLimit=3000, **tags)
    assert found == [*plain[:3], 0, 0, 0]
    signed = np.int16([-2000, -1000, 0, 1000])
    assert shown(tmp_path, signed, PixelPaddingValue=-2000)[0] == 0
    with pytest.raises(DataError, match="nothing but padding"):
        shown(tmp_path, U([7, 7]), PixelPaddingValue=7)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_point_pixels_span_what_they_hold(tmp_path, kind):
    name = "FloatPixelPaddingValue" if kind is np.float32 else "DoubleFloatPixelPaddingValue"
    values = kind([[-1.0, 0.0, 1.0, 3.0, 99.0]])
    found = read_image(film(tmp_path / "a.dcm", values, **{name: 99.0}))[0, :, 0]
    assert found.tolist() == [0, 64, 128, 255, 0]
    values[0, 1] = np.nan
    with pytest.raises(DataError, match="no finite numbers"):
        read_image(film(tmp_path / "b.dcm", values))


def test_colours(tmp_path):
    weights = np.array([0.299, 0.587, 0.114])
    rgb = np.random.default_rng(0).integers(0, 4096, (4, 5, 3)).astype(U)
    found = read_image(film(tmp_path / "a.dcm", rgb, bits=12, photometric="RGB"))[..., 0]
    assert np.abs(found - rgb @ weights / 4095 * 255).max() <= 0.51
    red, green, blue = np.random.default_rng(1).integers(0, 256, (3, 200)).astype(np.uint8)
    index = np.arange(0, 240, 5, dtype=np.uint8).reshape(6, 8)
    tags = palette(red, green, blue, first=10)
    path = film(tmp_path / "b.dcm", index, bits=8, photometric="PALETTE COLOR", **tags)
    place = np.clip(index.astype(int) - 10, 0, 199)
    expected = np.stack([red[place], green[place], blue[place]], -1) @ weights
    assert np.abs(read_image(path)[..., 0] - expected).max() <= 0.51
    deep = palette(*(one.astype(U) * 257 for one in (red, green, blue)), first=10)
    path = film(tmp_path / "c.dcm", index, bits=8, photometric="PALETTE COLOR", **deep)
    assert np.abs(read_image(path)[..., 0] - expected).max() <= 0.51
    full = cv2.cvtColor(np.uint8(rgb // 16), cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    path = film(tmp_path / "d.dcm", full, bits=8, photometric="YBR_FULL")
    assert np.abs(read_image(path)[..., 0].astype(int) - full[..., 0]).max() <= 3


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("RescaleSlope", "abc", "RescaleSlope must be a number: it is 'abc'"),
        ("RescaleSlope", "1\\2", "RescaleSlope must be one number, it holds 2"),
        ("RescaleSlope", "NaN", "RescaleSlope must be a finite number"),
        ("RescaleSlope", "0", "RescaleSlope is 0"),
        ("RescaleIntercept", "inf", "RescaleIntercept must be a finite number"),
        ("WindowCenter", "abc", "WindowCenter must be a number: it is 'abc'"),
        ("WindowCenter", "-inf", "WindowCenter must be a finite number"),
        ("WindowCenter", "", "only one of WindowCenter and WindowWidth"),
        ("WindowWidth", "NaN", "WindowWidth must be a finite number"),
        ("WindowWidth", "0.5", "Window Width must be greater than or equal to 1"),
        ("VOILUTFunction", "CUBIC", "Unsupported .* value 'CUBIC'"),
        ("PhotometricInterpretation", "HSV", "PhotometricInterpretation 'HSV' is not supported"),
        ("PresentationLUTShape", "LIN OD", "PresentationLUTShape 'LIN OD' is not supported"),
        ("NumberOfFrames", "2", "holds 2 frames"),
        ("NumberOfFrames", "abc", "NumberOfFrames must be a number"),
    ],
)
def test_tags_that_cannot_be_understood_give_one_line(tmp_path, name, text, problem):
    tags = {
        "NumberOfFrames": "1",
        "RescaleSlope": "1",
        "RescaleIntercept": "0",
        "WindowCenter": "1000",
        "WindowWidth": "500",
        "VOILUTFunction": "LINEAR",
        "PresentationLUTShape": "IDENTITY",
    }
    path = with_raw(film(tmp_path / "a.dcm", RAMP, bits=12, **tags), name, text)
    with pytest.raises(DataError, match=problem) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
