"""`Classifier` on whatever a person has: one answer for one picture, in whatever form it comes."""

import io
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import keras
import numpy as np
import pandas as pd
import pytest

import keras_cxr
from keras_cxr import Classifier, build_lenet5, make_datasets
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.evaluation import ConformalSets
from keras_cxr.evaluation.ood import OutOfDistribution

NAMES = ("ill", "well")
PICTURES = {
    "grey": np.random.default_rng(0).integers(0, 256, (45, 60), np.uint8),
    "colour": np.random.default_rng(1).integers(0, 256, (20, 70, 3), np.uint8),
    "see-through": np.random.default_rng(2).integers(0, 256, (32, 32, 4), np.uint8),
    "16 bits": np.random.default_rng(3).integers(0, 65536, (45, 60), np.uint16),
}


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    return Classifier(build_lenet5((32, 32, 1), 2), NAMES, {})


@pytest.fixture
def film(tmp_path):
    return written(tmp_path / "film.png", PICTURES["grey"])


def written(path, pixels):
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(pixels.shape[-1])
    assert cv2.imwrite(str(path), pixels if order is None else cv2.cvtColor(pixels, order))
    return path


@pytest.mark.parametrize("intensity", ["stored", "percentiles"])
@pytest.mark.parametrize("kind", PICTURES)
def test_one_picture_has_one_answer_in_every_form(kind, intensity, classifier, tmp_path):
    from PIL import Image

    asked = Classifier(classifier.model, NAMES, {"intensity": intensity})
    pixels = PICTURES[kind]
    path = written(tmp_path / "film.png", pixels)
    image, array = Image.open(path), pixels
    expected = asked.predict(asked.read(path)[None])
    forms = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), image, array]
    with path.open("rb") as file:
        found = asked([*forms, file, array[np.newaxis] if array.ndim == 3 else array[..., None]])
    assert found.failed == {}
    assert found.files == (str(path), str(path), *(f"image {number}" for number in range(6)))
    np.testing.assert_allclose(found.probabilities, np.repeat(expected, 8, axis=0), rtol=1e-5)
    assert (found.probabilities == found.probabilities[0]).all()


def test_a_batch_floats_and_tensors_are_answered_as_their_pixels(classifier):
    batch = np.stack([PICTURES["grey"], 255 - PICTURES["grey"]])
    expected = classifier([batch[0], batch[1]]).probabilities
    for form in (batch, np.clip(batch + 0.3, 0, 255), keras.ops.convert_to_tensor(batch)):
        np.testing.assert_array_equal(classifier(form).probabilities, expected)
    assert len(classifier(batch[:0])) == len(classifier([])) == 0


def test_a_pil_image_is_turned_as_its_file_would_be(classifier, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PICTURES["grey"]).save(tmp_path / "a.jpg", exif=exif, quality=100)
    found = classifier([tmp_path / "a.jpg", Image.open(tmp_path / "a.jpg")]).probabilities
    np.testing.assert_allclose(found[0], found[1], atol=2e-3)  # of two decoders
    upright = classifier(PICTURES["grey"]).probabilities
    assert np.abs(found[0] - upright[0]).max() > 1e-2


def test_a_pydicom_data_set_answers_as_its_file_and_stays_as_it_is(classifier, tmp_path):
    pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    from tests.data.dicom_files import film as dicom_film

    pixels = np.random.default_rng(0).integers(0, 4096, (32, 40)).astype(np.uint16)
    path = dicom_film(tmp_path / "film.dcm", pixels, bits=12)
    dataset = pydicom.dcmread(path)
    tags = list(dataset.keys())
    found = classifier([path, dataset, path.read_bytes()])
    assert found.failed == {}
    assert (found.probabilities == found.probabilities[0]).all()
    assert list(dataset.keys()) == tags
    assert dataset._pixel_array is None
    assert "holds no picture" in classifier(pydicom_without_pixels(pydicom)).failed["image 0"]


def pydicom_without_pixels(pydicom):
    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "SR"
    return dataset


def test_a_string_is_one_path_and_a_folder_is_searched(classifier, film, tmp_path):
    found = classifier("ab")
    assert list(found.failed) == ["ab"]
    assert "There is no file ab" in found.failed["ab"]
    (tmp_path / "masks").mkdir()
    written(tmp_path / "masks" / "film.png", PICTURES["grey"])
    found = classifier(str(tmp_path))
    assert found.files == (str(film),)
    assert any("1 picture(s) in folders masks" in note for note in found.notes)
    (tmp_path / "none").mkdir()
    with pytest.raises(NotFoundError, match="holds no PNG"):
        classifier([film, tmp_path / "none"])


REFUSED = {
    "scaled": (np.linspace(0, 1, 64).reshape(8, 8), r"scaled \(values from 0 to 1\).*by 255"),
    "NaN": (np.full((8, 8), np.nan), "NaN or infinite"),
    "above": (np.full((8, 8), 300.0), r"values from 300.0 to 300.0.*uint16"),
    "negative": (np.full((8, 8), -1), "values from -1 to -1"),
    "truth": (np.ones((8, 8), bool), "received bool"),
    "two channels": (np.zeros((2, 8, 8, 2), np.uint8), r"received shape \(2, 8, 8, 2\)"),
    "a number": (np.float32(3), r"received shape \(\)"),
    "no pixels": (np.zeros((0, 8), np.uint8), "has no pixels"),
    "None": (None, "a path, the bytes of an image file.*received NoneType"),
    "names": ({"a": "b"}, "received dict"),
    "empty path": ("", "the path '' can be none"),
    "NUL": ("a\0b", "can be none of a file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_picture_is_refused_before_the_work(kind, classifier):
    value, words = REFUSED[kind]
    with pytest.raises(InvalidArgumentError, match=words):
        classifier(value)
    with pytest.raises(InvalidArgumentError, match=rf"images\[1\]: .*{words}"):
        classifier([PICTURES["grey"], value])


def test_the_range_holds_wherever_images_are_taken(classifier):
    scaled = np.random.default_rng(0).uniform(0, 1, (4, 32, 32, 1)).astype(np.float32)
    takers = (
        lambda images: keras_cxr.evaluate(classifier.model, (images, [0, 1, 0, 1])),
        keras_cxr.GradCAM(classifier.model),
        lambda images: keras_cxr.overlay(images, np.zeros((4, 32, 32))),
        classifier.predict,
        classifier,
    )
    for take in takers:
        with pytest.raises(InvalidArgumentError, match="images are scaled"):
            take(scaled)
        with pytest.raises(InvalidArgumentError, match="NaN"):
            take(np.full_like(scaled, np.nan))


def test_one_bad_picture_ends_nothing(classifier, film, tmp_path):
    class Closed(io.BytesIO):
        def read(self, *_):
            raise OSError("gone")

    bad = tmp_path / "bad.png"
    bad.write_bytes(film.read_bytes()[:60])
    found = classifier([bad, film, b"text", io.StringIO("text"), Closed(), tmp_path / "lost.png"])
    assert found.files == (str(film),)
    assert list(found.failed) == [
        str(bad), "image 0", "image 1", "image 2", str(tmp_path / "lost.png"),
    ]  # fmt: skip
    assert "not a PNG" in found.failed["image 0"]
    assert 'open it with mode "rb"' in found.failed["image 1"]
    assert "cannot be read (gone)" in found.failed["image 2"]
    assert "Not answered: " in str(found)


@pytest.fixture(scope="module")
def with_everything(classifier):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 32, 32), np.uint8)
    data = make_datasets((images, np.arange(40) % 2), image_size=(32, 32), group_duplicates=False)
    detector = OutOfDistribution.fit(classifier.model, data)
    scores = classifier.predict(images[..., None].astype(np.float32))
    sets = ConformalSets.fit(np.arange(40) % 2, scores, class_names=NAMES)
    return Classifier(classifier.model, NAMES, {}, detector, ("a note",), sets)


def test_predictions_hold_all_that_is_known(with_everything):
    narrow = np.full((40, 40), 100, np.uint8)
    narrow[::2] += 5
    found = with_everything([PICTURES["grey"], narrow])
    assert found.probabilities.dtype == np.float64
    assert found.predicted == tuple(NAMES[i] for i in found.probabilities.argmax(1))
    held = with_everything.prediction_sets.sets(found.probabilities)
    assert found.prediction_sets == tuple(
        tuple(name for name, inside in zip(NAMES, row, strict=True) if inside) for row in held
    )
    assert found.narrow.tolist() == [False, True]
    assert (
        found.unusual.tolist() == (found.unusual_score > with_everything.unusual.threshold).tolist()
    )
    assert found.notes == ("a note",)
    assert list(found.table) == [
        "file", "predicted", *NAMES, "prediction_set", "unusual_score", "unusual", "narrow",
    ]  # fmt: skip
    table = found.table
    table.loc[0, "predicted"] = "changed"
    assert found.table.loc[0, "predicted"] == found.predicted[0]
    with pytest.raises(ValueError, match="read-only"):
        found.probabilities[0] = 0
    rows = list(found)
    assert len(rows) == len(found) == 2
    assert rows[0]["probabilities"] == dict(zip(NAMES, found.probabilities[0], strict=True))
    document = found.to_dict()
    assert document["predictions"] == rows
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_what_is_not_known_is_none_and_said(classifier):
    found = classifier(PICTURES["grey"])
    assert found.unusual is None
    assert found.prediction_sets is None
    assert "There are no prediction sets" in found.notes[-1]
    assert "prediction_set" not in found.table
    assert "prediction_set" not in next(iter(found))


def test_it_prints_within_80_columns(with_everything, tmp_path):
    folder = tmp_path / ("a long name of a folder " * 5)
    folder.mkdir()
    for number in range(25):
        written(folder / f"{number}.png", PICTURES["grey"])
    lines = str(with_everything(folder)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "… and 5 more" in lines


def test_explanations_are_those_of_the_method(classifier, film, tmp_path):
    found = classifier([film, PICTURES["colour"], tmp_path / "lost.png"])
    images = np.stack([classifier.read(film), classifier.read(film)])
    gradcam = keras_cxr.GradCAM(classifier.model, placement="receptive_field")
    maps = found.explain(class_name="well")
    assert maps.shape == (2, 32, 32)
    np.testing.assert_allclose(maps[0], gradcam(images, 1)[0], atol=1e-5)
    assert found.explain("saliency").shape == (2, 32, 32)
    assert classifier([]).explain().shape == (0, 32, 32)
    for arguments, words in (
        ({"method": "gradcm"}, "method must be one of"),
        ({"class_name": "Ill"}, "its classes are ill, well"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            found.explain(**arguments)
    film.unlink()
    with pytest.raises(NotFoundError, match=r"no file .*film\.png"):
        found.explain()


def test_a_stream_takes_what_never_ends_and_equals_a_call(classifier, film):
    def for_ever():
        while True:
            yield film

    stream = classifier.stream(for_ever())
    first, second = next(stream), next(stream)
    stream.close()
    assert len(first) == len(second) == 32
    parts = list(classifier.stream([film] * 40))
    whole = classifier([film] * 40)
    assert [len(part) for part in parts] == [32, 8]
    np.testing.assert_array_equal(
        np.concatenate([part.probabilities for part in parts]), whole.probabilities
    )
    table, failed = classifier.predict_files([film] * 40)
    pd.testing.assert_frame_equal(table, whole.table)
    assert failed == {}


def test_eight_threads_and_a_pickle_answer_equally(with_everything, film):
    asked = pickle.loads(pickle.dumps(with_everything))
    expected = with_everything([film, PICTURES["colour"]]).to_dict()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: asked([film, PICTURES["colour"]]), range(8)))
    for one in found:
        assert one.files == found[0].files
        np.testing.assert_array_equal(one.probabilities, found[0].probabilities)
        np.testing.assert_array_equal(one.unusual_score, found[0].unusual_score)
        assert (
            one.to_dict()["predictions"][0]["prediction_set"]
            == (expected["predictions"][0]["prediction_set"])
        )
    for one, other in zip(found[0], expected["predictions"], strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], rel=1e-5)
        assert one["unusual_score"] == pytest.approx(other["unusual_score"], rel=1e-4, abs=1e-6)
    again = pickle.loads(pickle.dumps(found[0]))
    np.testing.assert_allclose(again.explain(), found[0].explain(), atol=1e-4)


def test_prediction_sets_of_an_audit_come_with_its_calibrated_model(with_everything, tmp_path):
    for name in ("calibrated.keras", "last.keras"):
        with_everything.model.save(tmp_path / name)
    with_everything.prediction_sets.save(tmp_path / "prediction_sets.json")
    loaded = Classifier.load(tmp_path / "calibrated.keras", class_names=NAMES)
    np.testing.assert_array_equal(
        loaded.prediction_sets.thresholds, with_everything.prediction_sets.thresholds
    )
    assert Classifier.load(tmp_path / "last.keras").prediction_sets is None
    build_lenet5((32, 32, 1), 3).save(tmp_path / "calibrated.keras")
    with pytest.raises(DataError, match=r"is for 2 classes, but calibrated\.keras"):
        Classifier.load(tmp_path / "calibrated.keras")
