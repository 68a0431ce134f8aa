import json

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import build_lenet5, build_vgg19, make_datasets, train
from keras_cxr._support.disk.file_names import UNUSUAL_FILE
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.inference import list_image_files, load_classifier
from keras_cxr.training.trainer import new_record


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "run" / "last.keras"
    path.parent.mkdir()
    keras.utils.set_random_seed(0)
    build_lenet5((32, 32, 1), 2).save(path)
    return path


def write_image(path, value=128):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.random.default_rng(value).integers(0, 256, (40, 50), dtype=np.uint8)
    assert cv2.imwrite(str(path), picture)
    return path


def write_record(folder, data):
    record = new_record({"data": data, "optimizer": {}, "class_weight": None}, "float32")
    record |= {"schema_version": 1, "state": "checkpoint/state-00000.npz"}
    (folder / "run.json").write_text(json.dumps(record))


def test_names_come_from_the_runs_record(model_file):
    write_record(model_file.parent, {"class_names": ["ill", "well"], "region": "full"})
    for path in (model_file, model_file.parent, model_file.parent.parent):
        classifier = load_classifier(path)
        assert classifier.class_names == ("ill", "well")
        assert classifier.data_options["region"] == "full"


@pytest.mark.parametrize(("region", "told"), [("full", False), ("lungs", True), ("outside", True)])
def test_a_model_of_a_region_says_that_files_are_read_whole(model_file, region, told):
    write_record(model_file.parent, {"class_names": ["ill", "well"], "region": region})
    notes = "\n".join(load_classifier(model_file).notes)
    assert (f"trained on the region {region!r}" in notes) is told


def test_names_without_a_record(model_file):
    assert load_classifier(model_file).class_names == ("0", "1")
    assert load_classifier(model_file, class_names=["a", "b"]).class_names == ("a", "b")
    with pytest.raises(ValueError, match="2 outputs, but 1 class names"):
        load_classifier(model_file, class_names=["a"])


def test_predictions_of_files_equal_those_of_arrays(model_file, tmp_path):
    files = [write_image(tmp_path / f"{i}.png", i) for i in range(35)]
    (tmp_path / "text.png").write_text("no image")
    classifier = load_classifier(model_file)
    table, failed = classifier.predict_files([files[0], tmp_path / "text.png", *files[1:]])
    assert list(table["file"]) == [str(file) for file in files]
    assert list(failed) == [tmp_path / "text.png"]
    assert "text.png" in failed[tmp_path / "text.png"]
    images = np.stack([classifier.read(file) for file in files])
    assert images.shape == (35, 32, 32, 1)
    np.testing.assert_allclose(
        table[["0", "1"]], classifier.model.predict(images, verbose=0), rtol=1e-4
    )
    assert list(table["predicted"]) == [str(i) for i in table[["0", "1"]].to_numpy().argmax(1)]


def test_classes_called_like_other_columns_overwrite_nothing(model_file, tmp_path):
    films = [write_image(tmp_path / f"{value}.png", value) for value in (3, 7)]
    expected, _ = load_classifier(model_file).predict_files(films)
    found, _ = load_classifier(model_file, class_names=["file", "predicted"]).predict_files(films)
    columns = ["file", "predicted", "probability of file", "probability of predicted"]
    assert list(found.columns) == columns
    assert list(found["file"]) == list(map(str, films))
    np.testing.assert_array_equal(found[columns[2:]], expected[["0", "1"]])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", "a"], "holds a name twice"),
        ("ab", "must be a list of names"),
        ([0, 1], "a text for each class"),
        ([], "0 class names were given"),
    ],
)
def test_names_that_cannot_be_classes(model_file, names, words):
    with pytest.raises(ValueError, match=words):
        load_classifier(model_file, class_names=names)


def test_colour_models_read_colour(tmp_path):
    build_vgg19((32, 32, 3), 2, weights=None, classifier_activation=None).save(tmp_path / "m.keras")
    classifier = load_classifier(tmp_path / "m.keras")
    image = classifier.read(write_image(tmp_path / "a.png"))
    assert image.shape == (32, 32, 3)
    np.testing.assert_allclose(classifier.predict(image[None]).sum(), 1, rtol=1e-6)


def test_missing_and_damaged_models_are_named(model_file, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model .*lost\.keras.*last\.keras"):
        load_classifier(model_file.with_name("lost.keras"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no finished run"):
        load_classifier(tmp_path / "empty")
    (tmp_path / "text.keras").write_text("text")
    with pytest.raises(ValueError, match=r"text\.keras cannot be read as a Keras model"):
        load_classifier(tmp_path / "text.keras")


def test_images_are_found_in_folders_without_masks(tmp_path):
    files = [write_image(tmp_path / "a" / "images" / f"{i}.png") for i in (1, 2)]
    write_image(tmp_path / "a" / "masks" / "1.png")
    (tmp_path / "a" / "notes.txt").write_text("")
    assert list_image_files([tmp_path]) == files
    assert list_image_files(files[:1]) == files[:1]
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no PNG"):
        list_image_files([tmp_path / "none"])
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*imags.*images"):
        list_image_files([tmp_path / "a" / "imags"])


def test_unusual_pictures_are_told_where_the_detector_is_of_these_weights(model_file, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.uniform(100, 120, (40, 32, 32)).astype(np.float32)
    images += np.linspace(0, 100, 32, dtype=np.float32)
    data = make_datasets((images, np.arange(40) % 2), image_size=(32, 32), group_duplicates=False)
    assert load_classifier(model_file).unusual is None
    model = load_classifier(model_file).model
    OutOfDistribution.fit(model, data).save(model_file.with_name(UNUSUAL_FILE))
    classifier = load_classifier(model_file)
    assert classifier.notes == ()
    usual, other = tmp_path / "usual.png", write_image(tmp_path / "other.png")
    assert cv2.imwrite(str(usual), images[0].round().astype(np.uint8))
    table, _ = classifier.predict_files([usual, other])
    assert table["unusual"].tolist() == [False, True]
    scores = classifier.unusual.score(np.stack([classifier.read(file) for file in (usual, other)]))
    np.testing.assert_allclose(table["unusual_score"], scores, rtol=1e-5)
    build_lenet5((32, 32, 1), 2, name="newer").save(model_file)
    stale = load_classifier(model_file)
    assert stale.unusual is None
    assert "fitted to other weights" in stale.notes[0]


def convolved(shape, *heads):
    """A model of one convolution with these heads."""
    inputs = keras.Input(shape)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1)(inputs))
    outputs = [head(x) for head in heads]
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name="own")


def with_two_inputs():
    image, age = keras.Input((32, 32, 1)), keras.Input((1,))
    joined = layers.Concatenate()([layers.Flatten()(image), age])
    return keras.Model([image, age], layers.Dense(2, activation="softmax")(joined), name="own")


def classes(count=2, activation="softmax"):
    return layers.Dense(count, activation=activation)


CANNOT_ANSWER = {
    "any size": (lambda: convolved((None, None, 1), classes()), "images of any size, and no run"),
    "any height": (lambda: convolved((None, 32, 1), classes()), "images of any size, and no run"),
    "two outputs": (lambda: convolved((32, 32, 1), classes(), classes()), "has 2 outputs"),
    "two inputs": (with_two_inputs, "has 2 inputs"),
    "one unit": (lambda: convolved((32, 32, 1), classes(1, None)), "one unit"),
    "one unit, sigmoid": (lambda: convolved((32, 32, 1), classes(1, "sigmoid")), "'sigmoid'"),
    "four channels": (lambda: convolved((32, 32, 4), classes()), r"\(32, 32, 4\), image files"),
    "channels first": (lambda: convolved((1, 32, 32), classes()), r"\(1, 32, 32\), image files"),
    "no image": (
        lambda: keras.Sequential([keras.Input((32,)), classes()], name="own"),
        r"\(32,\), image files",
    ),
    "a map": (
        lambda: keras.Sequential([keras.Input((32, 32, 1)), layers.Conv2D(2, 1)], name="own"),
        "not one score for each class",
    ),
}


@pytest.mark.parametrize("kind", CANNOT_ANSWER)
def test_models_that_cannot_answer_are_refused_at_the_door(kind, tmp_path):
    make, words = CANNOT_ANSWER[kind]
    make().save(tmp_path / "own.keras")
    with pytest.raises(InvalidArgumentError, match=rf"own\.keras cannot answer.*{words}"):
        load_classifier(tmp_path / "own.keras")


@pytest.mark.parametrize("shape", [(None, None, 1), (20, None, 1)])
def test_models_of_any_size_read_the_size_of_their_run(shape, tmp_path):
    convolved(shape, classes()).save(tmp_path / "last.keras")
    data = {"class_names": ["ill", "well"], "image_size": [20, 24]}
    write_record(tmp_path, data)
    classifier = load_classifier(tmp_path)
    assert classifier.image_size == (20, 24)
    table, failed = classifier.predict_files([write_image(tmp_path / "a.png")])
    assert failed == {}
    assert table["predicted"].isin(["ill", "well"]).all()


class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


def test_own_layers_are_taken_from_custom_objects(tmp_path):
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, classes()(layers.Flatten()(Doubled()(inputs)))).save(tmp_path / "m.keras")
    with pytest.raises(DataError, match=r'custom_objects=\{"Doubled": Doubled\}'):
        load_classifier(tmp_path / "m.keras")
    classifier = load_classifier(tmp_path / "m.keras", custom_objects={"Doubled": Doubled})
    assert classifier.class_names == ("0", "1")


@pytest.mark.parametrize("activation", ["softmax", None])
def test_an_answer_that_is_no_number_is_no_answer(activation, tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.GlobalMaxPooling2D(), classes(2, activation)]
    )
    model.layers[-1].kernel.assign([[3e36, 3e36]])  # too large for a white pixel alone
    model.save(tmp_path / "m.keras")
    for name, value in (("black", 3), ("white", 255)):
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((8, 8), value, np.uint8))
    classifier = load_classifier(tmp_path / "m.keras")
    files = [tmp_path / "white.png", tmp_path / "black.png"]
    table, failed = classifier.predict_files(files)
    assert table["file"].tolist() == [str(files[1])]
    assert np.isfinite(table[["0", "1"]]).all(axis=None)
    assert failed == {files[0]: f"{files[0]}: the model computes NaN for it."}
    images = np.stack([classifier.read(file) for file in files])
    with pytest.raises(InvalidArgumentError, match=r"NaN for 1 of 2 images, .* number 0"):
        classifier.predict(images)


def test_files_are_read_as_the_model_was_trained(tmp_path):
    for label, top in (("a", 4000), ("b", 2000)):
        for number in range(4):
            path = tmp_path / "films" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng((top, number)).integers(0, top, (32, 32))
            assert cv2.imwrite(str(path), noise.astype(np.uint16))
    options = {"image_size": (32, 32), "cache": False, "format": "keras", "verbose": False}
    datasets = make_datasets(tmp_path / "films", intensity="percentiles", **options)
    train(build_lenet5((32, 32, 1), 2), datasets, epochs=1, run_dir=tmp_path / "run", verbose=0)
    classifier = load_classifier(tmp_path / "run")
    assert classifier.intensity == "percentiles"
    path = tmp_path / "films" / datasets.files("test")[0]
    np.testing.assert_array_equal(classifier.read(path), datasets.load("test", [0])[0][0])
    assert "narrow" not in classifier.predict_files([path])[0]
    record = tmp_path / "run" / "run.json"
    content = json.loads(record.read_text())
    assert content["settings"]["data"].pop("intensity") == "percentiles"
    record.write_text(json.dumps(content))  # as an earlier release wrote it
    stored = load_classifier(tmp_path / "run")
    assert stored.intensity == "stored"
    assert stored.predict_files([path])[0]["narrow"].tolist() == [True]


@pytest.mark.parametrize("text", ["abc", "1\\2", "NaN"])
@pytest.mark.parametrize("name", ["RescaleSlope", "WindowCenter"])
def test_one_bad_dicom_file_is_one_line_and_ends_nothing(model_file, tmp_path, name, text):
    pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    from tests.data.dicom_files import film, with_raw

    pixels = np.random.default_rng(0).integers(0, 4096, (32, 32)).astype(np.uint16)
    tags = {"RescaleSlope": 1, "RescaleIntercept": 0, "WindowCenter": 2000, "WindowWidth": 4000}
    good = film(tmp_path / "good.dcm", pixels, bits=12, **tags)
    bad = with_raw(film(tmp_path / "bad.dcm", pixels, bits=12, **tags), name, text)
    table, failed = load_classifier(model_file).predict_files([bad, good])
    if (name, text) == ("WindowCenter", "1\\2"):  # the first of several windows
        assert not failed
        return
    assert table["file"].tolist() == [str(good)]
    assert list(failed) == [bad]
    assert name in failed[bad]
    assert "\n" not in failed[bad]
