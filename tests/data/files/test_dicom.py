import builtins

import numpy as np
import pytest

from keras_cxr.audit import audit_data
from keras_cxr.data import read_image
from keras_cxr.data.files.dicom import read_dicom, read_patient
from keras_cxr.errors import DataError
from tests.data.dicom_files import RAMP, film

pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")


def test_without_a_window_the_stored_bits_span_the_range(tmp_path):
    pixels = np.array([[0, 4095], [2048, 1024]], np.uint16)
    image = read_image(film(tmp_path / "a.dcm", pixels, bits=12))
    np.testing.assert_array_equal(image[..., 0], [[0, 255], [128, 64]])
    signed = np.array([[-2048, 2047], [0, -1024]], np.int16)
    image = read_image(film(tmp_path / "b.dcm", signed, bits=12))
    np.testing.assert_array_equal(image[..., 0], [[0, 255], [128, 64]])


def test_monochrome1_is_inverted(tmp_path):
    pixels = np.array([[0, 255], [100, 1]], np.uint8)
    image = read_image(film(tmp_path / "a.dcm", pixels, bits=8, photometric="MONOCHROME1"))
    np.testing.assert_array_equal(image[..., 0], 255 - pixels)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR", [0, 0, 128, 255]),
        ("LINEAR_EXACT", [0, 0, 128, 255]),
        ("SIGMOID", [5, 30, 128, 250]),
    ],
)
def test_windows(tmp_path, function, expected):
    pixels = np.array([[0, 500, 1000, 2000]], np.uint16)
    path = film(
        tmp_path / "a.dcm",
        pixels,
        WindowCenter=[1000, 5],
        WindowWidth=[1000, 5],
        RescaleSlope=1,
        RescaleIntercept=0,
        VOILUTFunction=function,
    )
    np.testing.assert_allclose(read_image(path)[0, :, 0], expected, atol=1)


def test_rescale_comes_before_the_window(tmp_path):
    pixels = np.array([[0, 100, 200]], np.uint16)
    path = film(
        tmp_path / "a.dcm",
        pixels,
        WindowCenter=0,
        WindowWidth=401,
        RescaleSlope=2,
        RescaleIntercept=-200,
    )
    np.testing.assert_allclose(read_image(path)[0, :, 0], [0, 128, 255], atol=1)


def test_colour_films_become_grey(tmp_path):
    pixels = np.full((2, 2, 3), 90, np.uint8)
    image = read_image(film(tmp_path / "a.dcm", pixels, bits=8, photometric="RGB"))
    np.testing.assert_array_equal(image[..., 0], np.full((2, 2), 90))


def test_refused_films(tmp_path):
    pixels = np.zeros((2, 2), np.uint8)
    with pytest.raises(DataError, match="holds 3 frames"):
        read_image(film(tmp_path / "a.dcm", pixels, bits=8, NumberOfFrames=3))
    with pytest.raises(DataError, match="too large"):
        read_image(film(tmp_path / "b.dcm", pixels, bits=8, Rows=60000, Columns=60000))
    with pytest.raises(DataError, match="4 bytes are stored, 2 x 9 pixels take 18"):
        read_image(film(tmp_path / "c.dcm", pixels, bits=8, Rows=9))
    (tmp_path / "d.dcm").write_bytes(b"\x00" * 128 + b"DICMnothing else")
    with pytest.raises(DataError, match="damaged: the DICOM file cannot be read"):
        read_image(tmp_path / "d.dcm")


def test_without_pydicom_the_remedy_is_named(tmp_path, monkeypatch):
    path = film(tmp_path / "a.dcm", np.zeros((2, 2), np.uint8), bits=8)
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "pydicom":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    needed = r'need pydicom: pip install "keras-cxr\[dicom\]"'
    films = tmp_path / "films"
    for name in ("a/1", "a/2", "a/3", "b/1", "b/2", "b/3"):
        (films / name).parent.mkdir(parents=True, exist_ok=True)
        film(films / f"{name}.dcm", np.arange(9 * ord(name[0]), dtype=np.uint16)[:36].reshape(6, 6))
    options = {"image_size": (64, 64), "cache_dir": tmp_path / "cache", "verbose": False}
    with monkeypatch.context() as missing:
        missing.setattr(builtins, "__import__", refuse)
        with pytest.raises(DataError, match=needed):
            read_image(path)
        with pytest.raises(DataError, match=needed):  # the files are not called corrupt
            audit_data(films, **options)
    # a cache that was made meanwhile does not hold that against the files
    assert not [flag for flag in audit_data(films, **options).flags if flag.kind == "corrupt"]


def test_real_films(real_data):
    folder = real_data / "dicom"
    if not folder.is_dir():
        pytest.skip("no DICOM films beside the real X-rays")
    pytest.importorskip("libjpeg", reason="pylibjpeg-libjpeg is not installed")
    pytest.importorskip("openjpeg", reason="pylibjpeg-openjpeg is not installed")
    films = {path.stem: read_image(path, (128, 128))[..., 0] for path in folder.glob("*.dcm")}
    plain = films["RG1_UNCR"].astype(float)
    np.testing.assert_array_equal(films["RG1_J2KR"], films["RG1_UNCR"])
    assert np.abs(films["RG1_J2KI"] - plain).mean() < 2.0
    # the lungs are darker than the middle, as on any screen
    assert plain[40:60, 30:50].mean() < plain[40:60, 60:68].mean()
    negative = films["Fake_MONOHR1"].astype(int)
    positive = films["1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819"].astype(int)
    assert np.abs(negative + positive - 255).max() <= 1


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
