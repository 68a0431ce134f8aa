import cv2
import numpy as np
import pytest

from keras_cxr.data import read_image
from keras_cxr.errors import DataError
from tests.data.dicom_files import RAMP, SQUARES, film, table

pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")


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
