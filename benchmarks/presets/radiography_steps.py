"""Train networks on real films, one change of the recipe at a time, and say what each gave.

    python -m benchmarks.presets.radiography_steps DATA --runs RUNS --step study --seed 0
    python -m benchmarks.presets.radiography_table --runs RUNS

The first line trains one run, or goes on with it, and writes its answers for the validation part;
the second prints the table of all that are there. The test part is never read. With `--share 4`
every fourth film of the training part is taken, so that many runs fit into an evening. DATA is
described in `radiography_data`.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from benchmarks.presets.radiography_data import DATABASE, standin_table
from keras_cxr import build_alexnet, build_lmap3, evaluate, make_datasets, train
from keras_cxr.data import Datasets
from keras_cxr.training import RECIPES, TrainingRecipe
from keras_cxr.training.recipes import options_for

_STUDY, _BEST = RECIPES["study"], RECIPES["best"]
_RATE = {
    name: getattr(_BEST, name) for name in ("learning_rate", "warmup", "weight_decay", "clipnorm")
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one run is made of.

    Attributes:
        recipe: of the training.
        builder: of the network.
        after: the step that it is one change away from; none for the first of a network.
        model_options: besides the recipe's.
        train_options: besides the recipe.
        masks: for runs on lungs alone, whose masks: "files" or "segment".
    """

    recipe: TrainingRecipe
    builder: Callable[..., keras.Model] = build_lmap3
    after: str = ""
    model_options: dict[str, Any] = field(default_factory=dict)
    train_options: dict[str, Any] = field(default_factory=dict)
    masks: str = ""


def _alexnet(recipe: TrainingRecipe, **more: Any) -> Step:
    return Step(recipe=recipe, builder=build_alexnet, **{"after": "alexnet-study"} | more)


_WEIGHTS = replace(_STUDY, **_RATE, class_weight=_BEST.class_weight)
_AUGMENTATION = replace(_WEIGHTS, data_options=_BEST.data_options)
STEPS = {
    "study": Step(recipe=_STUDY),
    "rate": Step(recipe=replace(_STUDY, **_RATE), after="study"),
    "weights": Step(recipe=_WEIGHTS, after="rate"),
    "augmentation": Step(recipe=_AUGMENTATION, after="weights"),
    "dropout": Step(recipe=replace(_BEST, label_smoothing=0.0), after="augmentation"),
    "best": Step(recipe=_BEST, after="dropout"),
    "lungs-files": Step(recipe=_STUDY, masks="files"),
    "lungs-segment": Step(recipe=_STUDY, masks="segment", after="lungs-files"),
    "alexnet-study": _alexnet(_STUDY, after=""),
    "alexnet-float32": _alexnet(_STUDY, train_options={"precision": "float32"}),
    "alexnet-rate": _alexnet(replace(_STUDY, learning_rate=1e-4)),
    "alexnet-unweighted": _alexnet(_STUDY, train_options={"class_weight": None}),
    "alexnet-dropout": _alexnet(_STUDY, model_options={"dropout": 0.2}),
    "alexnet-best": _alexnet(_BEST),
    "alexnet-best-slow": _alexnet(RECIPES["gentle"], after="alexnet-best"),
}
"""LMAP3 from the study's recipe to ours, then lungs alone by whose masks, then AlexNet."""

AVERAGED, CHOSEN, FLIPPED = "averaged", "best epoch", "flips"
"""The same runs by the mean of their last epochs' weights, by the epoch with the smallest
validation loss, and by that with mirrored films beside."""

FILES = {
    "": "val-last.csv",
    AVERAGED: f"val-{AVERAGED}.csv",
    CHOSEN: "val.csv",
    FLIPPED: f"val-{FLIPPED}.csv",
}
"""Where a run keeps its answers for the validation part."""


class EpochWeights(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Keep the weights after each of the last epochs, a quarter of them."""

    def __init__(self, folder: Path, epochs: int) -> None:
        super().__init__()
        self.folder, self.first = folder, epochs - max(2, epochs // 4)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the weights of one epoch."""
        if epoch >= self.first:
            self.folder.mkdir(exist_ok=True)
            np.savez(self.folder / f"{epoch}.npz", *self.model.get_weights())


def main() -> None:
    """Train one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    asked = parser.parse_args()
    films, _ = standin_table(asked.data)
    run_step(films, asked)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what one run is asked for by."""
    parser.add_argument("data", type=Path, help="folder of the films")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--step", choices=STEPS, default="best")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="other than the recipe's own")
    parser.add_argument("--share", type=int, default=1, help="take every n-th film for training")


def run_step(films: pd.DataFrame, asked: argparse.Namespace) -> tuple[keras.Model, Datasets]:
    """Return a step's network with the weights of its best epoch; write its validation answers."""
    step = STEPS[asked.step]
    recipe = step.recipe
    datasets = datasets_for(step, films, asked)
    keras.utils.set_random_seed(asked.seed)
    model = step.builder(**options_for(step.builder, recipe) | step.model_options)
    folder = asked.runs / f"{asked.step}-{asked.seed}"
    epochs = asked.epochs or recipe.epochs
    run = train(
        model,
        datasets,
        recipe=recipe,
        epochs=epochs,
        run_dir=folder,
        callbacks=[EpochWeights(folder / AVERAGED, epochs)],
        verbose=2,
        **step.train_options,
    )
    _write(model, datasets, folder / FILES[""])
    if kept := sorted((folder / AVERAGED).glob("*.npz")):
        each = [list(np.load(file).values()) for file in kept]
        model.set_weights([np.mean(layer, axis=0) for layer in zip(*each, strict=True)])
        _write(model, datasets, folder / FILES[AVERAGED])
    model.load_weights(folder / "best.keras")
    found = _write(model, datasets, folder / FILES[CHOSEN])
    _write_flipped(model, datasets, folder)
    print(f"{asked.step}, seed {asked.seed}, best epoch {run.best_epoch + 1}:\n{found}", flush=True)
    return model, datasets


def datasets_for(step: Step, films: pd.DataFrame, asked: argparse.Namespace) -> Datasets:
    """Return the parts that the step trains on: the same films for every step of its kind."""
    options: dict[str, Any] = {"root": asked.data, **step.recipe.data_options}
    if step.masks:
        masks = [_mask_of(Path(file)) for file in films["file"]]
        there = [bool(mask) and (asked.data / mask).is_file() for mask in masks]
        films = films.assign(mask=masks)[there]
        options |= {"region": "lungs", "masks": step.masks}
        if step.masks == "segment":
            films = films.drop(columns="mask")
            options["on_error"] = "skip"  # films on which no lungs can be found
    if asked.share == 1 and not step.masks:
        return make_datasets(films, **options)
    given = make_datasets(films.drop(columns="mask", errors="ignore"), root=asked.data).table
    part = given.set_index("file")["part"][films["file"]].to_numpy()
    rank = films.groupby("label").cumcount().to_numpy()
    left = (part == "val") | ((part == "train") & (rank % asked.share == 0))
    return make_datasets(films.assign(part=part)[left], **options)


def _mask_of(file: Path) -> str:
    """Return where the database holds the mask of a film; nothing for films of elsewhere."""
    if file.parts[0] != DATABASE:
        return ""
    return str(file.parents[1] / "masks" / f"{file.stem}.png")


def _write(model: keras.Model, datasets: Datasets, file: Path) -> Any:
    found = evaluate(model, datasets, part="val")
    table = found.predictions.assign(group=_groups(datasets, found.predictions["file"]))
    table.to_csv(file, index=False)
    return found


def _write_flipped(model: keras.Model, datasets: Datasets, folder: Path) -> None:
    """Write the answers by the mean of a film's probabilities and its mirror image's."""
    images, labels = datasets.load("val")
    both = [model.predict(one, verbose=0) for one in (images, images[:, :, ::-1])]
    names = np.array(datasets.class_names)
    files = datasets.files("val")
    pd.DataFrame(
        {
            "file": files,
            "real": names[labels],
            "predicted": names[np.mean(both, axis=0).argmax(axis=1)],
            "group": _groups(datasets, files),
        }
    ).to_csv(folder / FILES[FLIPPED], index=False)


def _groups(datasets: Datasets, files: Any) -> Any:
    return datasets.table.set_index("file")["group"][list(files)].to_numpy()


if __name__ == "__main__":
    main()
