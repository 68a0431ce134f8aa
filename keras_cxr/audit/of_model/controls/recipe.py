"""How a model was trained, so that the same can be trained again on other pictures."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.clone import cloned
from keras_cxr.training import TrainingRecipe
from keras_cxr.training.settings import describe_model, is_usual

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

EPOCHS = 25  # the study's


@dataclass(frozen=True, eq=False)
class Recipe:
    """What decides a training besides images and seed.

    Attributes:
        build: returns a new, untrained model.
        optimizer: a Keras optimizer's configuration, as `keras.optimizers.serialize` gives it,
            or its name.
        class_weight: as `train` takes it.
        loss: a Keras loss's configuration, as a run's record holds it; None for the study's.
        head: epochs and learning rate of a first stage, as a run's record holds them, None for a
            training of one stage.
        epochs: of the whole training.
        precision: as `train` takes it.
    """

    build: Callable[[], keras.Model]
    optimizer: Any = "adam"
    class_weight: str | dict[int, float] | None = "balanced"
    epochs: int = EPOCHS
    precision: str = "auto"
    loss: Any = None
    head: dict[str, Any] | None = None

    def stages(self) -> TrainingRecipe:
        """Return a recipe of `train` with the same first stage, if any."""
        told = {} if self.head is None else {f"head_{name}": v for name, v in self.head.items()}
        return TrainingRecipe(name="recorded", epochs=self.epochs, **told)

    def new_loss(self) -> Any:
        """Return the loss that is trained with, None for the study's.

        Raises:
            InvalidArgumentError: It is somebody's own, which a run's record only names.
        """
        if self.loss is None:
            return None
        try:
            return keras.losses.get(copy.deepcopy(self.loss))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidArgumentError(
                f"The run was trained with a loss of its own, {self.loss.get('config')!r}, which "
                "its record only names: a control cannot be trained the same way. Register it "
                'with keras.saving.register_keras_serializable, or pass controls="none".'
            ) from error

    def new_optimizer(self) -> keras.optimizers.Optimizer:
        """Return an optimizer that has not trained anything yet."""
        try:
            return keras.optimizers.get(copy.deepcopy(self.optimizer))  # Keras writes into it
        except Exception as error:  # of a damaged configuration Keras raises nearly anything
            raise InvalidArgumentError(
                f"Keras cannot build the recipe's optimizer ({str(error).splitlines()[0][:200]}): "
                "pass another recipe, or train the model again."
            ) from error

    def new_model(self, seed: int) -> keras.Model:
        """Return an untrained model; sets Keras' global random seed, so that it repeats."""
        keras.utils.set_random_seed(seed)
        return self.build()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it, to tell whether a control was trained by it."""
        weights: Any = self.class_weight
        if isinstance(weights, dict):
            weights = {str(index): weight for index, weight in sorted(weights.items())}
        named = isinstance(self.optimizer, str)
        return {
            "model": describe_model(self.build())["config"],
            "optimizer": self.optimizer if named else dict(self.optimizer),
            "class_weight": weights,
            "epochs": self.epochs,
            "precision": self.precision,
            **({} if self.loss is None else {"loss": dict(self.loss)}),
            **({} if self.head is None else {"head": dict(self.head)}),
        }


def recipe_of(
    model: keras.Model,
    *,
    build: Callable[[], keras.Model] | None = None,
    epochs: int | None = None,
) -> Recipe:
    """Return the recipe that a model in memory tells of: its layers, and its optimizer.

    A model that was not compiled gets the study's: Adam, balanced class weights, 25 epochs.

    Args:
        model: the finished model; it stays as it is.
        build: returns a new, untrained model of the same kind; needed for subclassed models, and
            where training began from pretrained weights.
        epochs: of the whole training; 25 otherwise.
    """
    optimizer = getattr(model, "optimizer", None)
    return Recipe(
        build=build or builder_of(model),
        optimizer="adam" if optimizer is None else keras.optimizers.serialize(optimizer),
        epochs=epochs or EPOCHS,
    )


def recipe_of_run(
    record: dict[str, Any],
    datasets: "Datasets",
    *,
    build: Callable[[], keras.Model],
    epochs: int | None = None,
) -> Recipe:
    """Return the recipe that a run's `run.json` holds.

    Args:
        record: what `run.json` holds.
        datasets: the run's data; class weights that are balanced there stay "balanced", so that
            a control on fewer images gets its own.
        build: returns a new, untrained model of the same kind.
        epochs: other than the run's own.
    """
    settings = record["settings"]
    given = settings["class_weight"]
    weights: str | dict[int, float] | None = None if given is None else dict(enumerate(given))
    if weights == datasets.class_weight:
        weights = "balanced"
    return Recipe(
        build=build,
        optimizer=settings["optimizer"],
        class_weight=weights,
        epochs=epochs or record["epochs_trained"],
        precision=record["precision"],
        loss=None if is_usual(settings.get("loss")) else settings["loss"],
        head=settings.get("head"),
    )


def builder_of(model: keras.Model) -> Callable[[], keras.Model]:
    """Return a function that builds the same layers with new weights.

    Raises:
        InvalidArgumentError: the model cannot be built again from its configuration.
    """

    def build() -> keras.Model:
        return cloned(
            model,
            failing="built anew from its configuration",
            advice="Pass build=, a function without arguments that returns a new, untrained one.",
            with_weights=False,
        )

    return build
