"""DICOM films beside pydicom's own functions and beside values worked out by hand."""

import cv2
import numpy as np
import pytest

from keras_cxr.data import read_image
from keras_cxr.data.files.dicom import read_dicom, read_patient
from keras_cxr.errors import DataError
from tests.data.dicom_files import film, palette, table, with_raw

pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")

RAMP = np.arange(0, 4096, 64, dtype=np.uint16).reshape(8, 8)
SIGNED = RAMP.astype(np.int16) - 2048
SQUARES = (np.arange(4096.0) ** 2 / 4095**2 * 65535).astype(int)  # a table that is no line


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


def stripped(path):
    """The same film as software leaves it that writes no preamble, or no meta information."""
    data = path.read_bytes()
    length = int.from_bytes(data[140:144], "little")  # of group 0002
    return data[132:], data[144 + length :]


def test_without_preamble_or_meta_information(tmp_path):
    path = film(tmp_path / "a.dcm", RAMP, bits=12, WindowCenter=1000, WindowWidth=500)
    expected = read_image(path)
    for number, data in enumerate(stripped(path)):
        (tmp_path / f"{number}").write_bytes(data)
        np.testing.assert_array_equal(read_image(tmp_path / f"{number}"), expected)
    implicit = film(tmp_path / "b.dcm", RAMP, bits=12, syntax=pydicom.uid.ImplicitVRLittleEndian)
    (tmp_path / "c").write_bytes(stripped(implicit)[1])
    np.testing.assert_array_equal(read_image(tmp_path / "c"), read_image(implicit))


def test_deflated_films_are_read_within_a_cap(tmp_path, monkeypatch):
    plain = film(tmp_path / "a.dcm", RAMP, bits=12)
    deflated = pydicom.uid.DeflatedExplicitVRLittleEndian
    path = film(tmp_path / "b.dcm", RAMP, bits=12, syntax=deflated)
    np.testing.assert_array_equal(read_image(path), read_image(plain))
    data = path.read_bytes()
    (tmp_path / "c.dcm").write_bytes(data[:-30])
    with pytest.raises(DataError, match="truncated: the deflated"):
        read_image(tmp_path / "c.dcm")
    monkeypatch.setattr("keras_cxr.data.files.dicom.MAX_DECODED", 200)
    with pytest.raises(DataError, match="unpacks to over 200 bytes"):
        read_image(path)


def jpeg(pixels):
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()


BASELINE = "1.2.840.10008.1.2.4.50"


def test_jpeg_inside_is_whole_and_as_large_as_announced(tmp_path):
    pytest.importorskip("libjpeg", reason="pylibjpeg-libjpeg is not installed")
    noise = np.random.default_rng(0).integers(0, 256, (128, 96)).astype(np.uint8)
    whole = jpeg(noise)
    path = film(tmp_path / "a.dcm", noise, bits=8, syntax=BASELINE, frame=whole)
    assert np.abs(read_image(path)[..., 0].astype(int) - noise).mean() < 3
    half = len(whole) // 2
    for number, (frame, problem) in enumerate(
        [
            (whole[:half] + b"\xff\xd9", "damaged: the JPEG in the DICOM file"),
            (whole[:half] + bytes(64) + whole[half + 64 :], "damaged: the JPEG in the DICOM file"),
            (whole[:half], "truncated: the JPEG in the DICOM file"),
            (jpeg(noise[:16]), "has 96 x 16 pixels, Columns x Rows say 96 x 128"),
        ]
    ):
        path = film(tmp_path / f"{number}.dcm", noise, bits=8, syntax=BASELINE, frame=frame)
        with pytest.raises(DataError, match=problem):
            read_image(path)


def test_jpeg_2000_inside_is_whole(tmp_path):
    pytest.importorskip("openjpeg", reason="pylibjpeg-openjpeg is not installed")
    noise = np.random.default_rng(0).integers(0, 256, (128, 96)).astype(np.uint8)
    box = cv2.imencode(".jp2", noise, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
    whole = box[box.index(b"\xff\x4f\xff\x51") :]
    syntax = pydicom.uid.JPEG2000
    path = film(tmp_path / "a.dcm", noise, bits=8, syntax=syntax, frame=whole)
    read_image(path)
    half = len(whole) // 2
    for frame in (whole[:half], whole[:half] + b"\xff\xd9"):
        with pytest.raises(DataError, match="truncated: the JPEG 2000"):
            read_image(film(tmp_path / "b.dcm", noise, bits=8, syntax=syntax, frame=frame))


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


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ({"HighBit": 15}, "HighBit must be 11"),
        ({"BitsStored": 17, "HighBit": 16}, "BitsStored must be 1 to"),
        ({"Rows": 7}, "128 bytes are stored, 8 x 7 pixels take 112"),
        ({"VOILUTSequence": table(SQUARES[:9])[:0]}, ""),
        ({"ModalityLUTSequence": table(SQUARES, bits=13)}, "grey values cannot be worked out"),
    ],
)
def test_contradictions_are_refused(tmp_path, tags, problem):
    path = film(tmp_path / "a.dcm", RAMP, **({"bits": 12} | tags))
    if not problem:  # an empty sequence is none
        assert read_image(path).shape == (8, 8, 1)
        return
    with pytest.raises(DataError, match=problem):
        read_image(path)


def test_what_is_no_film_says_so(tmp_path):
    path = film(tmp_path / "a.dcm", RAMP, bits=12, Modality="SR")
    data = pydicom.dcmread(path)
    del data.PixelData
    data.save_as(tmp_path / "b.dcm")
    with pytest.raises(DataError, match=r"holds no picture \(Modality SR\)"):
        read_image(tmp_path / "b.dcm")


def test_patients_are_told_apart_without_their_numbers(tmp_path):
    def whose(**tags):
        data = film(tmp_path / "a.dcm", RAMP, bits=12, **tags).read_bytes()
        patient = read_dicom(data).patient
        assert patient == read_patient(data)
        return patient

    one, other = whose(PatientID="MRN-123"), whose(PatientID="MRN-124")
    assert one
    assert one != other
    assert one == whose(PatientID="MRN-123 ")
    assert one != whose(PatientID="MRN-123", IssuerOfPatientID="elsewhere")
    assert "MRN" not in one
    assert [whose(PatientID=name) for name in ("", "ANONYMOUS", "0")] == ["", "", ""]
    assert whose() == ""
