"""What two stages of training give beside one: pretrained and random weights, a small data set.

ImageNet's weights cannot be downloaded everywhere, so VGG19's backbone is trained here on phantoms
of two classes, and then, with a new head, on few phantoms of two others. What ImageNet's weights
give on X-rays this does not show.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pandas as pd

from benchmarks.common import Options, Report, main
from keras_cxr import (
    Datasets,
    build_lenet5,
    build_vgg19,
    evaluate,
    make_datasets,
    make_phantoms,
    train,
)
from keras_cxr.training import TrainingRecipe, get_recipe

SOURCE, TARGET = ("Lung_Opacity", "Normal"), ("COVID", "Viral Pneumonia")
TRANSFER = get_recipe("transfer")
# a rate that VGG19 learns at from random weights too; at Adam's 1e-3 it does not
SOURCE_RATE = 1e-4
SOURCE_SEED = 100  # a new head that began as the one before did would not be new to the features


def run(options: Options) -> Report:
    """Test accuracy of VGG19 on two classes that its backbone was not trained on."""
    epochs = options.size(5, 1)
    source, target = data_of(options)
    trained = trained_on(source, options)
    count = len(target.files("train"))
    network = "LeNet-5" if options.smoke else "VGG19"
    report = Report("transfer", f"{network} on {count} images, {epochs} epochs of all layers")
    kinds = {"self-trained": trained, "random": None}
    if options.smoke:
        del kinds["random"]
    for kind, weights in kinds.items():
        for way, arguments in ways(epochs).items():
            scores = []
            for seed in range(options.size(3, 1)):
                model = new_model(target, seed, options, weights)
                started = time.perf_counter()
                found = train(model, target, verbose=0, **arguments())
                scores.append(evaluate(model, target).accuracy)
                report.results[f"{kind}: {way}, seed {seed}"] = {
                    "seconds": time.perf_counter() - started,
                    "seconds_per_epoch": found.seconds_per_epoch,
                    "history": found.history,
                    "head": None if found.head is None else vars(found.head),
                }
            report.add(f"{kind} weights: {way}", scores, "of the test images right")
    report.notes.append(
        f"{len(target.files('test'))} test images of two classes: 0.5 is chance. Each round is a "
        "seed of the new head, and of the other weights where they are random. The first stage of "
        f"`two stages`, and the whole of `the head alone`, are {TRANSFER.head_epochs} epochs on "
        "features that were computed once."
    )
    return report


def ways(epochs: int) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what makes the arguments of `train` for each contestant."""

    def one_stage(rate: float) -> Callable[[], dict[str, Any]]:
        """The second stage of the recipe alone, at another rate."""
        recipe = replace(TRANSFER, name="one", head_epochs=0, learning_rate=rate)
        return lambda: {"recipe": recipe, "epochs": epochs}

    return {
        "one stage, Adam at 1e-3": lambda: {"epochs": epochs},
        "one stage, up to 1e-4": one_stage(1e-4),
        "one stage, the recipe's rate": one_stage(TRANSFER.learning_rate),
        "two stages": lambda: {"recipe": TRANSFER, "epochs": epochs},
        "the head alone": lambda: {  # of the second stage an epoch that changes nothing
            "recipe": TRANSFER, "epochs": 1, "optimizer": keras.optimizers.SGD(0.0),
        },
    }  # fmt: skip


def data_of(options: Options) -> tuple[Datasets, Datasets]:
    """Return many phantoms of two classes and few of two others."""
    side = options.size(48, 32)
    folder = make_phantoms(
        options.work / "phantoms", images_per_class=options.size(300, 12), image_size=side
    )
    test = options.size(204, 4)
    shares = (
        (SOURCE, {"train": options.size(240, 8), "val": options.size(60, 4)}),
        (TARGET, {"train": options.size(64, 4), "val": options.size(32, 4), "test": test}),
    )
    source, target = (
        make_datasets(
            table(classes, counts),
            root=folder,
            image_size=(side, side),
            cache_dir=options.work / "cache",
            group_duplicates=False,
            **TRANSFER.data_options,
        )
        for classes, counts in shares
    )
    return source, target


def table(classes: Sequence[str], counts: dict[str, int]) -> pd.DataFrame:
    """Return the first phantoms of each class, so many in each part."""
    parts = [part for part, count in counts.items() for _ in range(count)]
    rows = [
        (f"{name}/images/{name}-{number}.png", name, part)
        for name in classes
        for number, part in enumerate(parts, 1)
    ]
    return pd.DataFrame(rows, columns=["file", "label", "part"])


def trained_on(source: Datasets, options: Options) -> keras.Model:
    """Return a network trained on the phantoms of the first two classes, from random weights."""
    model = new_model(source, SOURCE_SEED, options, None)
    recipe = TrainingRecipe(
        name="source", epochs=options.size(14, 1), learning_rate=SOURCE_RATE, warmup=1 / 12
    )
    train(model, source, recipe=recipe, verbose=0)
    return model


def new_model(
    data: Datasets, seed: int, options: Options, trained: keras.Model | None
) -> keras.Model:
    """Return a network with a new head, all else random or of a trained one; LeNet-5 for smoke."""
    keras.utils.set_random_seed(seed)
    if options.smoke:
        model = build_lenet5(data.input_shape, data.num_classes)
    else:
        model = build_vgg19(
            data.input_shape, data.num_classes, weights=None, preprocessing="imagenet"
        )
        start_vgg19(model.get_layer("vgg19"), seed)
    if trained is not None:
        for layer, known in zip(model.layers[:-1], trained.layers[:-1], strict=True):
            layer.set_weights(known.get_weights())
    return model


def start_vgg19(backbone: keras.Model, seed: int) -> None:
    """Give VGG19 weights that it learns from: He et al. 2015, for inputs of about 128.

    From Keras' own, Glorot's, it has not begun to learn after two epochs (docs/study.md).
    """
    rng = np.random.default_rng(seed)
    weights = [
        rng.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape)
        if weight.ndim > 1
        else weight
        for weight in backbone.get_weights()
    ]
    weights[0] /= 64
    backbone.set_weights(weights)


if __name__ == "__main__":
    main(run)
