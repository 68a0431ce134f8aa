"""Whether the scores that were found are those that the model makes its output from."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from scipy.special import expit, log_softmax, logsumexp, softmax

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.backends import Floats
from keras_cxr.keras_graph.replay import Replay, at_inference, chosen_output
from keras_cxr.keras_graph.unpublished import has_own_code, kept_losses

# Largest difference between the model's output and ours, per precision: replayed layers are
# compiled, so that sums are rounded in another order than in the eager model.
_TOLERANCES = {"float32": 1e-3, "float16": 2e-2, "bfloat16": 6e-2}
ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda scores: scores,
    "softmax": lambda scores: softmax(scores, axis=1),
    "sigmoid": expit,
    "log_softmax": lambda scores: log_softmax(scores, axis=1),
}


def tolerance_of(layers: Iterable[Any]) -> float:
    """Return the largest difference that the layers' precisions explain, relative to the output."""
    precisions = {str(getattr(layer, "compute_dtype", "float32")) for layer in layers}
    return max(_TOLERANCES.get(name, 1e-3) for name in precisions)


def own_output(replay: Replay, sample: Floats, tolerance: float) -> Floats:
    """Return the model's output at inference, as `predict` computes it.

    Raises:
        InvalidArgumentError: It is another at each call, as code of the author's own may be.
    """
    model = replay.model
    calls, count = 1, len(sample)
    if has_own_code(model):
        calls = 2
        if not replay.fixed_batch:  # few units may be dropped alike by chance
            sample = np.concatenate([sample] * 4)
    arrays = []
    with kept_losses(model), keras.StatelessScope():  # in which random states go on
        images = replay.packed(keras.ops.convert_to_tensor(sample))
        for _ in range(calls):
            output = model(images, **at_inference(model, outermost=True))
            output = chosen_output(model, output, replay.output)
            array = keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
            arrays.append(np.asarray(array))
    output, again = arrays[0], arrays[-1]
    with np.errstate(invalid="ignore"):
        same = np.abs(output - again).max() <= tolerance * np.abs(output).max()
    if not same and np.isfinite(output).all():
        raise InvalidArgumentError(
            f"model {model.name!r} answers anew at each call, at inference too: its code "
            "calls a layer such as dropout or augmentation with training=True, or without "
            "handing on the model's `training`. One answer can be explained: let the layer "
            "follow `training`."
        )
    return output[:count]


def find_activation(
    replay: Replay,
    scores: Floats,
    expected: Floats,
    *,
    sample: Floats,
    scores_of: Callable[[Floats], Floats],
    tolerance: float,
) -> str:
    """Return the name of the activation by which scores become the model's output.

    Args:
        replay: that the scores come from; its head says the activation where there is one.
        scores: of the sample.
        expected: the model's own output for the sample.
        sample: images.
        scores_of: from images to scores, for images unlike the sample.
        tolerance: As `tolerance_of` returns it.

    Raises:
        InvalidArgumentError: None makes the one from the other.
    """
    # code of the author's own may end in any
    names = [replay.head.activation] if replay.head.operation is not None else list(ACTIVATIONS)
    for name in names:
        ours, scale = ACTIVATIONS[name](scores), np.abs(expected).max()
        if tolerance > 1e-3 or name in ("linear", "log_softmax"):
            scale += 1
        if ours.shape == expected.shape and np.abs(ours - expected).max() <= tolerance * scale:
            if name == "linear" and _are_probabilities(scores_of, sample):
                break
            return name
    found = f"no {' or '.join(names)}" if len(names) > 1 else f"not {names[0]}"
    raise InvalidArgumentError(
        f"model {replay.model.name!r} cannot be explained: its output is {found} of scores that "
        "are found before its last activation. Let the model end in a Dense layer with or "
        "without activation, or in a Softmax layer."
    )


def _are_probabilities(scores_of: Callable[[Floats], Floats], sample: Floats) -> bool:
    """Whether what passes for scores comes from an activation that was not taken off.

    Also for pictures unlike any: there scores leave [0, 1], and their exponentials do not add to
    one, as probabilities and their logarithms do everywhere.
    """
    pictures = sample, 255 - sample, np.zeros_like(sample), 1e2 * sample, -1e2 * sample
    scores = np.concatenate([scores_of(picture) for picture in pictures])
    inside = bool(((scores >= 0) & (scores <= 1)).all() and ((scores > 0) & (scores < 1)).any())
    logarithms = bool(np.abs(logsumexp(scores, axis=1)).max() < 1e-2) and scores.shape[1] > 1
    return inside or logarithms
