"""What a training is made of besides model and images: the study's recipe, and a better one."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from keras_cxr.errors import InvalidArgumentError


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """Optimizer, loss, weights and length of a training, and what data and model it wants.

    Attributes:
        name: what it is asked for by.
        epochs: of the whole training.
        learning_rate: of the optimizer; with `warmup` the highest.
        warmup: share of all steps in which the rate rises from nearly nothing; from there it falls
            to zero as half a cosine (Loshchilov and Hutter 2017, "SGDR"). 0 for a constant rate.
        weight_decay: of AdamW (Loshchilov and Hutter 2019); 0 for Adam.
        clipnorm: norm that the gradient of each weight is cut to; `None` for any.
        label_smoothing: share of each label that is spread over all classes.
        class_weight: "balanced" or "sqrt_balanced", as `train` takes it.
        data_options: what differs from the defaults of `make_datasets`.
        model_options: what differs from the defaults of a builder, as far as it takes them.
    """

    name: str
    epochs: int
    learning_rate: float = 1e-3
    warmup: float = 0.0
    weight_decay: float = 0.0
    clipnorm: float | None = None
    label_smoothing: float = 0.0
    class_weight: str = "balanced"
    data_options: dict[str, Any] = field(default_factory=dict)
    model_options: dict[str, Any] = field(default_factory=dict)

    def new_optimizer(self, steps: int) -> keras.optimizers.Optimizer:
        """Return an optimizer for a training of so many steps."""
        rate: Any = self.learning_rate
        if self.warmup:
            rising = max(1, round(self.warmup * steps))
            rate = keras.optimizers.schedules.CosineDecay(
                self.learning_rate / 150,
                max(1, steps - rising),
                warmup_target=self.learning_rate,
                warmup_steps=rising,
            )
        if self.weight_decay:
            return keras.optimizers.AdamW(
                rate, weight_decay=self.weight_decay, clipnorm=self.clipnorm
            )
        return keras.optimizers.Adam(rate, clipnorm=self.clipnorm)

    def new_loss(self, *, from_logits: bool) -> keras.losses.Loss:
        """Return categorical cross-entropy with this recipe's smoothing."""
        return keras.losses.CategoricalCrossentropy(
            from_logits=from_logits, label_smoothing=self.label_smoothing
        )


_ROWS = (
    # Adam, cross-entropy and 25 epochs are the study's; it does not name Adam's rate: Keras' own
    TrainingRecipe(name="study", epochs=25),
    # measured step by step by benchmarks/presets/radiography_steps.py. No flip: the heart
    # is on the left.
    TrainingRecipe(
        name="best",
        epochs=24,
        learning_rate=1.5e-3,
        warmup=1 / 12,
        weight_decay=5e-3,
        clipnorm=1.0,
        label_smoothing=0.05,
        class_weight="sqrt_balanced",
        data_options={"rotation": 10, "zoom": 0.1, "horizontal_flip": False},
        model_options={"dropout": 0.2},
    ),
)
RECIPES = {row.name: row for row in _ROWS}


def options_for(builder: Callable[..., Any], recipe: TrainingRecipe) -> dict[str, Any]:
    """Return the recipe's model options that a builder takes."""
    taken = inspect.signature(builder).parameters
    return {name: value for name, value in recipe.model_options.items() if name in taken}


def get_recipe(recipe: str | TrainingRecipe) -> TrainingRecipe:
    """Return a recipe by its name; a recipe as it is.

    Args:
        recipe: "study", "best", or one of your own.

    Raises:
        InvalidArgumentError: (a ValueError) there is none of that name.

    Examples:
        >>> get_recipe("best").data_options["horizontal_flip"]
        False
    """
    if isinstance(recipe, TrainingRecipe):
        return recipe
    if not isinstance(recipe, str) or recipe not in RECIPES:
        known = ", ".join(map(repr, RECIPES))
        raise InvalidArgumentError(
            f"recipe must be one of {known}, or a TrainingRecipe, not {recipe!r}."
        )
    return RECIPES[recipe]
