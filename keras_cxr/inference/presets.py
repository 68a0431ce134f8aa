"""`save_preset`: a classifier as a folder to give to others."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_cxr._support.disk.file_names import (
    PREDICTION_SETS_FILE,
    PRESET_CARD_FILE,
    PRESET_FILE,
    PRESET_WEIGHTS_FILE,
    UNUSUAL_FILE,
)
from keras_cxr._support.disk.files import file_digest, output_folder, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.locking import ScratchFolder
from keras_cxr._support.disk.outputs import PRESET as PRESET_OUTPUT
from keras_cxr._support.disk.outputs import check_free
from keras_cxr.data import Datasets
from keras_cxr.errors import InvalidArgumentError, OutputError
from keras_cxr.evaluation.calibrated import calibrated_model
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.evaluation.result import Evaluation
from keras_cxr.inference.classifier import Classifier
from keras_cxr.inference.preset.card import describe, with_front_matter
from keras_cxr.inference.preset.form import PRESET_FILES, SCHEMA_VERSION
from keras_cxr.inference.preset.reading import GOLDEN_SEED, build_described, golden_films
from keras_cxr.keras_graph.interface import predict_probabilities
from keras_cxr.statistics.conformal import ConformalSets

_BYTES_PER_WEIGHT = 6  # as float32, and as float16 beside it
_SLACK = 1 << 20  # bytes of the two files that are no weights


def save_preset(
    classifier: Classifier,
    folder: str | os.PathLike[str],
    *,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    temperature: float = 1.0,
    datasets: Datasets | None = None,
    num_references: int = 500,
    prediction_sets: ConformalSets | None = None,
    evaluation: Evaluation | None = None,
    sources: Sequence[str] = (),
    description: str = "",
    card: str = "",
    license: str = "",
) -> Path:
    """Write a classifier as a preset, a folder to give to others; return its path.

    It holds the network's name and arguments, the classes, how films are read, the weights as
    float16, what it answers for drawn phantoms, and a card, as the Hugging Face hub reads them: the
    folder can be uploaded as it stands. It holds no images, and no code. All files are complete
    before the first takes its place, and `preset.json` comes last.

    Args:
        classifier: a `Classifier` whose model `build(name, **arguments)` built, uncalibrated.
        folder: where; an earlier preset there is replaced; the card has its name as title.
        name: the network's name in the registry.
        arguments: what it was built with besides `input_shape` and `num_classes`, plain values.
        temperature: that its scores are divided by; `fit_temperature` finds it.
        datasets: what it was trained on, for the detector of unusual pictures; `None` leaves that
            out.
        num_references: how many training images the detector remembers, as vectors.
        prediction_sets: fitted on the calibrated probabilities.
        evaluation: scores for the card, on films that the model was not trained on.
        sources: for the card, where the images came from and their licences, a line each.
        description: a sentence or two for whoever loads it.
        card: a model card of your own, Markdown, such as an audit writes; its head is added where
            it has none. "" writes one from what is known here.
        license: of the weights, as the hub names licences, such as "cc-by-4.0".

    Raises:
        InvalidArgumentError: (a ValueError) the registry builds another network from name and
            arguments, or the prediction sets or scores are of other classes.
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
    model: Any = classifier.in_keras().model
    _check_classes(classifier.class_names, prediction_sets, evaluation)
    sizes = {
        "input_shape": list(model.input_shape[1:]),
        "num_classes": len(classifier.class_names),
    }
    preset: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
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
    model = again if temperature == 1 else calibrated_model(again, float(temperature))
    preset["golden"]["probabilities"] = predict_probabilities(model, golden_films(model)).tolist()
    text = (
        with_front_matter(card, license)
        if card
        else describe(
            preset,
            title=out.absolute().name,
            num_parameters=again.count_params(),
            sources=sources,
            datasets=datasets,
            evaluation=evaluation,
            prediction_sets=prediction_sets,
        )
    )
    detector = None
    if datasets is not None:
        detector = OutOfDistribution.fit(model, datasets, max_images=num_references)
    with _taking_the_place_of(out) as new:
        _write_weights(again, new / PRESET_WEIGHTS_FILE)
        if detector is not None:
            detector.save(new / UNUSUAL_FILE)
        if prediction_sets is not None:
            prediction_sets.save(new / PREDICTION_SETS_FILE)
        written = [name for name in PRESET_FILES if (new / name).is_file()]
        preset["files"] = {name: file_digest(new / name) for name in written}
        write_whole(new / PRESET_CARD_FILE, text)
        write_json(new / PRESET_FILE, preset)
    return out


def _check_classes(
    names: tuple[str, ...], sets: ConformalSets | None, evaluation: Evaluation | None
) -> None:
    for what, found in (("prediction_sets", sets), ("evaluation", evaluation)):
        if found is not None and tuple(found.class_names) != names:
            raise InvalidArgumentError(
                f"save_preset: {what} has the classes {tuple(found.class_names)}, the classifier "
                f"{names}: pass what was computed from its own answers."
            )


@contextlib.contextmanager
def _taking_the_place_of(out: Path) -> Iterator[Path]:
    """Yield a hidden folder whose files replace those of a preset once the block has ended.

    Raises:
        OutputError: (an OSError) they cannot be written; an earlier preset stays as it was.
    """
    made = not out.exists()
    try:
        scratch = ScratchFolder(output_folder(out) / "new")
        try:
            yield scratch.path
            for name in sorted(PRESET_OUTPUT.files, key=PRESET_FILE.__eq__):
                if (scratch.path / name).exists():
                    (scratch.path / name).replace(out / name)
                else:
                    (out / name).unlink(missing_ok=True)
        finally:
            scratch.remove()
    except OSError as error:
        # of ours the cause is shorter, and names no hidden file
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        raise OutputError(
            f"The preset cannot be written to {out} ({cause.strerror or cause}). What was there "
            "before is kept."
        ) from error
    finally:
        if made:
            with contextlib.suppress(OSError):
                out.rmdir()  # which an empty folder alone lets happen


def _write_weights(model: keras.Model, path: Path) -> None:
    """Write `.weights.h5` with float16 in place of float32; Keras reads both."""
    full, halved = path.with_name(f".full-{path.name}"), io.BytesIO()
    _check_room(full, _BYTES_PER_WEIGHT * model.count_params() + _SLACK)
    model.save_weights(full)
    with h5py.File(full, "r") as stored, h5py.File(halved, "w", libver="latest") as half:
        _copy_halved(stored, half)
    full.unlink()
    write_whole(path, halved.getvalue())


def _check_room(path: Path, num_bytes: int) -> None:
    """Ask for room before HDF5 writes, which takes the process down where a disk is full."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, num_bytes)


def _copy_halved(stored: Any, half: Any) -> None:
    half.attrs.update(stored.attrs)
    for name, item in stored.items():
        if isinstance(item, h5py.Group):
            _copy_halved(item, half.create_group(name))
        else:
            values = item[()]
            is_float = np.issubdtype(values.dtype, np.floating)
            half.create_dataset(name, data=values.astype(np.float16) if is_float else values)
