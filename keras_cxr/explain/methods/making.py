"""A method by its name, as the command line and `Predictions.explain` take it."""

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.methods.layer_method import LayerMethod
from keras_cxr.explain.methods.method import Method
from keras_cxr.explain.methods.registry import METHODS

PLACEMENT = "receptive_field"


def make_method(
    model: keras.Model, name: str, *, layer: str | None = None, placement: str | None = None
) -> Method:
    """Return a method by its name, its cells drawn where they look unless asked otherwise.

    Raises:
        InvalidArgumentError: (a ValueError) an unknown name, layer or placement; a layer or
            placement for a method of pixels.
    """
    kind = METHODS.get(name)
    if kind is None:
        raise InvalidArgumentError(
            f"method must be one of {', '.join(METHODS)}; received {name!r}."
        )
    if issubclass(kind, LayerMethod):
        return kind(model, layer, placement=PLACEMENT if placement is None else placement)
    for option, value in (("layer", layer), ("placement", placement)):
        if value is not None:
            others = [key for key, other in METHODS.items() if issubclass(other, LayerMethod)]
            raise InvalidArgumentError(
                f"The method {name} looks at the image's pixels and takes no {option}: leave "
                f"{option}={value!r} out, or choose one of {', '.join(others)}."
            )
    return kind(model)
