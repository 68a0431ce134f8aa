"""What a model takes and returns, read from its graph before any image is computed."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.processes import check_not_forked
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.heads import HEAD_ADVICE, outputs_probabilities
from keras_cxr.keras_graph.unpublished import graph_of


def check_model_fits(
    model: keras.Model, input_shape: Sequence[int | None], num_classes: int
) -> None:
    """Raise unless the model takes such images and tells that many classes apart.

    Args:
        model: a built model with one input and one output.
        input_shape: `(height, width, channels)` of the images, without the batch.
        num_classes: number of classes in the labels.

    Raises:
        InvalidArgumentError: size, channels or classes differ; the message says what to do.
    """
    name = f"the model {model.name!r}"
    wanted = _single_shape(model, "input")
    images = tuple(input_shape)
    if len(wanted) != len(images):
        raise InvalidArgumentError(
            f"{name} takes inputs of shape {wanted}, the images have shape {images}: pass "
            "images (batch, height, width, channels) to a model that takes images."
        )
    if not _agree(wanted[-1:], images[-1:]):
        reading = {1: 'color_mode="grayscale"', 3: 'color_mode="rgb"'}.get(wanted[-1] or 0)
        read = f"read the images with {reading}, or " if reading else ""
        raise InvalidArgumentError(
            f"{name} takes {wanted[-1]} channels, the images have {images[-1]}: {read}build the "
            f"model with input_shape={images}."
        )
    if not _agree(wanted, images):
        size = tuple(wanted[:-1])
        raise InvalidArgumentError(
            f"{name} takes images of {_times(size)} pixels (height x width), these have "
            f"{_times(images[:-1])}: read them with image_size={size}, or build the model with "
            f"input_shape={images}."
        )
    outputs = _single_shape(model, "output")
    if len(outputs) != 1 or not _agree(outputs, (num_classes,)):
        raise InvalidArgumentError(
            f"{name} returns outputs of shape {outputs}, the labels have {num_classes} classes: "
            f"build the model with num_classes={num_classes}."
        )


def num_outputs(model: Any) -> int:
    """Return how many classes a classifier whose outputs are known tells apart.

    Raises:
        InvalidArgumentError: it is no Keras model, does not say what it takes and returns (as
            subclassed models), or its outputs are no softmax probabilities or logits.
    """
    if not isinstance(model, keras.Model):
        raise InvalidArgumentError(
            f"model must be a Keras model, received {type(model).__name__}: load a saved one with "
            "keras.saving.load_model or keras_cxr.load_classifier."
        )
    outputs = _single_shape(model, "output")
    outputs_probabilities(model)
    if len(outputs) != 1 or outputs[0] is None:
        raise InvalidArgumentError(
            f"the model {model.name!r} returns outputs of shape {outputs}, not one score for each "
            f"class. {HEAD_ADVICE}"
        )
    return outputs[0]


def check_reads_images(model: keras.Model) -> None:
    """Raise unless the model takes one image, grey or in colour, with the channels last.

    Raises:
        InvalidArgumentError: it has several inputs, or takes something else.
    """
    shape = _single_shape(model, "input")
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise InvalidArgumentError(
            f"the model {model.name!r} takes inputs of shape {shape}, image files have (height, "
            "width, 1) or (height, width, 3): put it into a model that makes its input from such "
            "an image."
        )


def predict_probabilities(model: keras.Model, images: NDArray[Any]) -> NDArray[np.float64]:
    """Class probabilities `(batch, classes)`: a softmax is applied where the head has none.

    Raises:
        InvalidArgumentError: the outputs are neither softmax probabilities nor logits, or the
            model computes NaN for an image.
    """
    check_not_forked()
    logits = not outputs_probabilities(model)
    found = as_probabilities(model.predict_on_batch(images), logits=logits)
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        raise InvalidArgumentError(
            f"the model {model.name!r} computes NaN for {(~finite).sum()} of {len(found)} images, "
            f"the first of them number {finite.argmin()}: look for NaN or infinite values in them "
            "and for weights that are too large."
        )
    return found


def as_probabilities(outputs: Any, *, logits: bool) -> NDArray[np.float64]:
    """Return a model's output `(batch, classes)` as probabilities; NaN where it was NaN."""
    found = np.asarray(outputs, np.float64)
    if logits:
        with np.errstate(invalid="ignore"):
            found = np.exp(found - found.max(axis=1, keepdims=True))
            found /= found.sum(axis=1, keepdims=True)
    return found


def check_model(model: Any) -> None:
    """Raise unless the model is built and has one input, of images.

    Raises:
        InvalidArgumentError: It is not, or it is no Keras model at all.
    """
    if not isinstance(model, keras.Model):
        raise InvalidArgumentError(f"model must be a keras.Model; received {type(model).__name__}.")
    if not model.built:
        raise InvalidArgumentError(
            f"model {model.name!r} is not built yet: call it once on images, or give it a "
            "keras.Input, before it is explained."
        )
    graph = graph_of(model)
    if graph is not None and len(graph.inputs) != 1:
        raise InvalidArgumentError(
            f"model {model.name!r} has {len(graph.inputs)} inputs; a model with one, the images, "
            "can be explained. Wrap it in a model that holds the others fixed: see the page "
            "Troubleshooting."
        )
    shape = (None,) * 4 if graph is None else tuple(graph.inputs[0].shape)
    if len(shape) != 4:
        raise InvalidArgumentError(
            f"model {model.name!r} takes input of shape {shape}; what explains images needs a "
            "model of (batch, height, width, channels)."
        )


def find_output(model: Any, output: Any | None) -> int | str | None:
    """Return the number of the output that is meant, counted in the order of `model.outputs`.

    Of a subclassed model, whose outputs are known once it has run, what was given is returned.

    Args:
        model: a model that `check_model` accepts.
        output: a number, a name, or None for the only output.

    Raises:
        InvalidArgumentError: There is no such output, or there are several and none is named.
    """
    if isinstance(output, bool) or not isinstance(output, int | np.integer | str | None):
        raise InvalidArgumentError(
            f"output must be the name or number of an output of model {model.name!r}; received "
            f"{output!r}."
        )
    output = int(output) if isinstance(output, np.integer) else output
    graph = graph_of(model)
    if graph is None:
        return output
    names, count = list(graph.output_names), len(graph.outputs)
    listing = ", ".join(f"{number} ({name!r})" for number, name in enumerate(names))
    if output is None:
        if count > 1:
            raise InvalidArgumentError(
                f"model {model.name!r} has {count} outputs; choose one: output= {listing}."
            )
        return 0
    if isinstance(output, str) and names.count(output) == 1:
        return names.index(output)
    if isinstance(output, int) and 0 <= output < count:
        return output
    raise InvalidArgumentError(f"model {model.name!r} has no output {output!r}; it has {listing}.")


def _single_shape(model: Any, which: str) -> tuple[int | None, ...]:
    try:
        tensors = list(getattr(model, f"{which}s"))
    except (AttributeError, ValueError, TypeError):
        raise InvalidArgumentError(
            f"the model {model.name!r} does not say what it takes: use a Functional or "
            "Sequential model that begins with keras.Input((height, width, channels))."
        ) from None
    if len(tensors) != 1:
        raise InvalidArgumentError(
            f"the model {model.name!r} has {len(tensors)} {which}s: use a model with one "
            "image as input and one row of class scores as output."
        )
    return tuple(tensors[0].shape[1:])


def _agree(wanted: Sequence[int | None], given: Sequence[int | None]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(wanted, given, strict=True))


def _times(size: Sequence[int | None]) -> str:
    return " x ".join("any" if length is None else str(length) for length in size)
