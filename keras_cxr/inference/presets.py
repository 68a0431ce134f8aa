"""`save_preset`: a classifier as a folder to give to others."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_cxr._support.disk.file_names import (
    PRESET_CARD_FILE,
    PRESET_FILE,
    PRESET_WEIGHTS_FILE,
    UNUSUAL_FILE,
)
from keras_cxr._support.disk.files import whole_file, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.outputs import PRESET as PRESET_OUTPUT
from keras_cxr._support.disk.outputs import check_free
from keras_cxr.data import Datasets
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.calibrated import calibrated_model
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.inference.classifier import Classifier
from keras_cxr.inference.preset_files import (
    GOLDEN_SEED,
    build_described,
    file_digest,
    golden_films,
)
from keras_cxr.keras_graph.interface import predict_probabilities


def save_preset(
    classifier: Classifier,
    folder: str | os.PathLike[str],
    *,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    temperature: float = 1.0,
    datasets: Datasets | None = None,
    num_references: int = 500,
    description: str = "",
    card: str = "",
    license: str = "",
) -> Path:
    """Write a classifier as a preset, a folder to give to others; return its path.

    It holds the network's name and arguments, the classes, how films are read, the weights as
    float16, and what it answers for drawn phantoms; `preset.json` is written last. It holds no
    images, and no code.

    Args:
        classifier: a `Classifier` whose model `build(name, **arguments)` built, uncalibrated.
        folder: where; an earlier preset there is replaced.
        name: the network's name in the registry.
        arguments: what it was built with besides `input_shape` and `num_classes`, plain values.
        temperature: that its scores are divided by; `fit_temperature` finds it.
        datasets: what it was trained on, for the detector of unusual pictures; `None` leaves that
            out.
        num_references: how many training images the detector remembers, as vectors.
        description: a sentence or two for whoever loads it.
        card: the model card, Markdown; "" writes none.
        license: of the weights.

    Raises:
        InvalidArgumentError: (a ValueError) the registry builds another network from name and
            arguments.
        OutputError: (an OSError) the files cannot be written, or somebody else's are there.

    Examples:
        >>> import keras_cxr
        >>> model = keras_cxr.build_lenet5((32, 32, 1), 2)
        >>> data = {"image_size": [32, 32], "color_mode": "grayscale"}
        >>> classifier = Classifier(model, ("ill", "well"), data)
        >>> folder = save_preset(classifier, "my-preset", name="lenet5")
        >>> Classifier.from_preset(folder).class_names
        ('ill', 'well')
    """
    out = check_free(folder, PRESET_OUTPUT)
    model = classifier.model
    sizes = {
        "input_shape": list(model.input_shape[1:]),
        "num_classes": len(classifier.class_names),
    }
    preset: dict[str, Any] = {
        "schema_version": 1,
        "model": {"name": name, "arguments": {**sizes, **(arguments or {})}},
        "class_names": list(classifier.class_names),
        "data": {
            "image_size": list(classifier.image_size),
            "color_mode": classifier.color_mode,
            "intensity": classifier.intensity,
            "region": str(classifier.data_options.get("region", "full")),
        },
        "temperature": float(temperature),
        "files": {},
        "golden": {"seed": GOLDEN_SEED, "probabilities": []},
        "description": description,
        "license": license,
    }
    again = build_described(preset, out / PRESET_FILE)
    if [w.shape for w in again.weights] != [w.shape for w in model.weights]:
        raise InvalidArgumentError(
            f"save_preset: build({name!r}) with these arguments gives another network than the "
            "classifier's: pass the arguments that it was built with."
        )
    again.set_weights([weight.astype(np.float16) for weight in model.get_weights()])
    out.mkdir(parents=True, exist_ok=True)
    _write_weights(again, out / PRESET_WEIGHTS_FILE)
    written = [PRESET_WEIGHTS_FILE]
    if temperature != 1:
        again = calibrated_model(again, float(temperature))
    if datasets is not None:
        detector = OutOfDistribution.fit(again, datasets, max_images=num_references)
        detector.save(out / UNUSUAL_FILE)
        written.append(UNUSUAL_FILE)
    if card:
        write_whole(out / PRESET_CARD_FILE, card)
    preset["golden"]["probabilities"] = predict_probabilities(again, golden_films(again)).tolist()
    preset["files"] = {one: file_digest(out / one) for one in written}
    write_json(out / PRESET_FILE, preset)
    return out


def _write_weights(model: keras.Model, path: Path) -> None:
    """Write `.weights.h5` with float16 in place of float32; Keras reads both."""
    with whole_file(path) as temporary:
        full = temporary.with_suffix(".weights.h5")
        try:
            model.save_weights(full)
            with h5py.File(full, "r") as stored, h5py.File(temporary, "w", libver="latest") as half:
                _copy_halved(stored, half)
        finally:
            full.unlink(missing_ok=True)


def _copy_halved(stored: Any, half: Any) -> None:
    half.attrs.update(stored.attrs)
    for name, item in stored.items():
        if isinstance(item, h5py.Group):
            _copy_halved(item, half.create_group(name))
        else:
            values = item[()]
            is_float = np.issubdtype(values.dtype, np.floating)
            half.create_dataset(name, data=values.astype(np.float16) if is_float else values)
