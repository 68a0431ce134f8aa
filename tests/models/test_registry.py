"""Networks of one's own in the registry: by a call, a decorator, and an installed package."""

import ast
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import keras
import pytest

import keras_cxr
from keras_cxr.models import MODELS, model_info, register_model, zoo
from keras_cxr.models.arguments import check_arguments

PACKAGE = """
import keras
from keras_cxr import register_model


def build_tiny(input_shape=(32, 32, 1), num_classes=4):
    "One weight for each grey value and class."
    images = keras.Input(input_shape)
    x = keras.layers.Conv2D(2, 3, name="conv")(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(num_classes, activation="softmax", name="predictions")(x)
    return keras.Model(images, x, name="tiny")


register_model("tiny-by-call", build_tiny, description="registered where it is imported")
"""


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    """What a test registers is gone afterwards."""
    before = dict(MODELS)
    yield
    MODELS.clear()
    MODELS.update(before)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A folder of installed packages, on the path, with one that offers models."""

    def install(name="xray-nets", points="tiny = xray_nets:build_tiny", code=PACKAGE):
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[keras_cxr.models]\n{points}\n")
        return tmp_path

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    for name in ("xray_nets", "more_nets"):
        sys.modules.pop(name, None)


def build_mine(input_shape=(48, 40, 3), num_classes=4, *, weights="imagenet"):
    """A network of one layer.

    More is said here.
    """
    images = keras.Input(input_shape)
    x = keras.layers.Flatten()(images)
    return keras.Model(images, keras.layers.Dense(num_classes, activation="softmax")(x))


def test_a_call_makes_a_network_known():
    assert register_model("mine", build_mine) is build_mine
    assert "mine" in keras_cxr.list_models()
    assert keras_cxr.build("mine", num_classes=2).output_shape == (None, 2)
    info = model_info("mine")
    assert (info.name, info.builder, info.input_shape) == ("mine", build_mine, (48, 40, 3))
    assert (info.reference, info.color_mode) == ("A network of one layer.", "rgb")
    assert (info.parameters, info.smallest_size, info.channels) == (None, None, None)
    assert info.takes_weights


def test_a_decorator_leaves_the_function_as_it_was():
    @keras_cxr.register_model("grey", description="mine, too")
    def build(input_shape=(32, 32, 1), num_classes=4, **others):
        return build_mine(input_shape, num_classes)

    assert build().output_shape == (None, 4)
    assert model_info("grey").builder is build
    assert model_info("grey").reference == "mine, too"
    assert model_info("grey").color_mode == "grayscale"
    assert not model_info("grey").takes_weights


def test_another_recipe_of_the_zoo_gets_a_name_of_its_own():
    recipe = partial(keras_cxr.build_vgg19, preprocessing="imagenet")
    register_model("vgg19-imagenet", recipe)
    assert model_info("vgg19-imagenet").reference == ""
    model = keras_cxr.build("vgg19-imagenet", input_shape=(32, 32, 1), weights=None)
    assert model.count_params() == 20_026_436


def test_a_name_is_given_once():
    register_model("mine", build_mine)
    with pytest.raises(ValueError, match=r"'mine' is registered already.*replace=True"):
        register_model("mine", build_mine)
    other = partial(build_mine, num_classes=5)
    register_model("mine", other, replace=True)
    assert model_info("mine").builder is other
    for replace in (False, True):
        with pytest.raises(ValueError, match=r"'vgg19' is registered already: choose another"):
            register_model("vgg19", build_mine, replace=replace)
    assert MODELS["vgg19"].builder is keras_cxr.build_vgg19


@pytest.mark.parametrize("name", ["", "two words", "../up", "-x", 3, None])
def test_names_that_no_file_or_command_could_bear_are_refused(name):
    with pytest.raises(ValueError, match="name must be letters, digits"):
        register_model(name, build_mine)


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        ("build_mine", "must be a function .* not 'build_mine'"),
        (3, "must be a function"),
        (lambda: None, "must take input_shape and num_classes by name.*it takes nothing"),
        (lambda input_shape=(8, 8, 1): None, "must take .*it takes input_shape"),
        (lambda *input_shape, num_classes=4: None, "must take input_shape and num_classes"),
        (lambda input_shape, num_classes: None, "needs a default .*it has none"),
        (lambda input_shape=(8, 8), num_classes=4: None, r"it has \(8, 8\)"),
        (lambda input_shape=None, num_classes=4: None, "it has None"),
        (lambda input_shape=("a", 8, 1), num_classes=4: None, "three whole numbers"),
    ],
)
def test_what_no_network_could_be_built_by_is_refused(builder, message):
    with pytest.raises(ValueError, match=message):
        register_model("mine", builder)
    assert "mine" not in MODELS


def test_a_builder_that_returns_no_model_is_named():
    register_model("mine", lambda input_shape=(8, 8, 1), num_classes=4: "nothing")
    with pytest.raises(ValueError, match="builder of 'mine' must return a Keras model, not str"):
        keras_cxr.build("mine")


def test_near_names_of_registered_models_are_offered():
    register_model("resnet50-cxr", build_mine)
    with pytest.raises(ValueError, match="Did you mean 'resnet50-cxr'"):
        keras_cxr.build("resnet50")


def test_an_installed_package_offers_a_model(package):
    package()
    assert "tiny" in keras_cxr.list_models()
    assert "xray_nets" not in sys.modules  # only its name was read
    assert keras_cxr.build("tiny", num_classes=3).output_shape == (None, 3)
    assert model_info("tiny").reference == "One weight for each grey value and class."
    assert "tiny-by-call" in keras_cxr.list_models()  # registered when it was imported


def test_an_entry_point_may_lead_to_a_module_that_registers(package):
    package(points="tiny-by-call = xray_nets")
    assert model_info("tiny-by-call").reference == "registered where it is imported"


def test_a_broken_package_is_named_and_hinders_nothing_else(package, capsys):
    from keras_cxr.cli import main

    package(code="import a_module_that_is_not_there")
    with pytest.raises(ValueError, match=r"'tiny' of the package xray-nets cannot be imported"):
        model_info("tiny")
    assert keras_cxr.build("lmap3").count_params() == 287_688
    assert main(["models"]) == 0
    text = capsys.readouterr()
    assert "lmap3" in text.out
    assert "Note: The model 'tiny' of the package xray-nets cannot be imported" in text.err


def test_an_entry_point_that_is_no_builder_is_refused(package):
    package(points="tiny = xray_nets")
    with pytest.raises(ValueError, match="the builder of 'tiny' must be a function"):
        model_info("tiny")


def test_two_packages_with_one_name_are_both_named(package):
    package()
    package("more-nets", "tiny = more_nets:build_tiny")
    with pytest.raises(ValueError, match="package more-nets and the package xray-nets each offer"):
        model_info("tiny")


def test_a_package_cannot_take_the_place_of_our_own(package):
    package(points="vgg19 = xray_nets:build_tiny")
    with pytest.warns(UserWarning, match="xray-nets offers a model called 'vgg19'"):
        assert keras_cxr.list_models().count("vgg19") == 1
    assert model_info("vgg19").builder is keras_cxr.build_vgg19


def test_the_command_line_knows_models_of_installed_packages(package):
    """In a process of its own, where nobody has called register_model."""
    path = os.pathsep.join([str(package()), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-m", "keras_cxr", "models", "--json"],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    (row,) = [row for row in json.loads(done.stdout)["models"] if row["name"] == "tiny"]
    assert (row["parameters"], row["input_shape"]) == (None, [32, 32, 1])


def test_models_of_installed_packages_train_by_name(package, phantoms, tmp_path):
    from keras_cxr.cli import main

    package()
    words = ["train", phantoms, "--model", "tiny", "--image-size", 32, 32, "--epochs", 1]
    assert main([*map(str, words), "--out", str(tmp_path / "run")]) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["settings"]["model"] == "tiny"


def test_what_type_checkers_see_is_what_there_is():
    tree = ast.parse(Path(zoo.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("keras_cxr")
        for alias in node.names
        if alias.asname == alias.name  # the form that lets it out again
    }
    there = {f"build_{name}": f"keras_cxr.models.{name}" for name in zoo._ROWS}
    assert seen == there
    assert set(there) <= set(keras_cxr.__all__) & set(keras_cxr.models.__all__)


def test_all_builders_share_one_check():
    """Arguments that every builder has, by the names that its check has."""
    common = {"input_shape", "num_classes", "include_top", "pooling", "classifier_activation"}
    assert common - {"classifier_activation"} <= set(check_arguments.__annotations__)
    for name in zoo._ROWS:
        assert common | {"name"} <= set(MODELS[name].builder.__annotations__)
