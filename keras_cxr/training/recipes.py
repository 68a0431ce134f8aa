"""What a training is made of besides model and images: the study's recipe, and a better one."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from keras_cxr._support.checks import check_integer
from keras_cxr.errors import InvalidArgumentError


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """Optimizer, loss, weights and length of a training, and what data and model it wants.

    Attributes:
        name: what it is asked for by.
        epochs: of the whole training; of its second stage where there are `head_epochs`.
        learning_rate: of the optimizer; with `warmup` the highest.
        head_epochs: of a first stage, in which the head alone is trained, on features of the frozen
            backbone that are computed once; 0 for none.
        head_learning_rate: of Adam in the first stage, constant.
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
    head_epochs: int = 0
    head_learning_rate: float = 1e-3
    warmup: float = 0.0
    weight_decay: float = 0.0
    clipnorm: float | None = None
    label_smoothing: float = 0.0
    class_weight: str = "balanced"
    data_options: dict[str, Any] = field(default_factory=dict)
    model_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_integer("head_epochs", self.head_epochs, least=0)
        if not 0 < self.head_learning_rate < float("inf"):
            raise InvalidArgumentError(
                f"head_learning_rate must be above 0, received {self.head_learning_rate!r}"
            )

    @property
    def head_settings(self) -> dict[str, Any]:
        """What a run's settings say of the first stage: nothing where there is none."""
        if not self.head_epochs:
            return {}
        return {"head": {"epochs": self.head_epochs, "learning_rate": self.head_learning_rate}}

    def new_head_optimizer(self) -> keras.optimizers.Optimizer:
        """Return an optimizer for the first stage."""
        return keras.optimizers.Adam(self.head_learning_rate)

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


# benchmarks/presets/radiography_steps.py measured each step. No flip: the heart is on the left
_BEST = TrainingRecipe(
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
)
_ROWS = (
    # Adam, cross-entropy and 25 epochs are the study's; it does not name Adam's rate: Keras' own
    TrainingRecipe(name="study", epochs=25),
    _BEST,
    # for networks of many millions of weights: AlexNet learned better at a fifth of the rate
    replace(_BEST, name="gentle", learning_rate=3e-4),
    # for pretrained weights: the head is fitted to them before all layers change. What each stage
    # gives is measured by benchmarks/transfer.py.
    TrainingRecipe(
        name="transfer",
        epochs=15,
        learning_rate=3e-5,
        head_epochs=30,
        warmup=1 / 12,
        clipnorm=1.0,
        data_options={"rotation": 10, "zoom": 0.1, "horizontal_flip": False},
        model_options={"preprocessing": "imagenet"},
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
        recipe: "study", "best", "gentle", "transfer", or one of your own.

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
