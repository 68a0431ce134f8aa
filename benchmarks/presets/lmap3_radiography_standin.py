"""Train LMAP3 on real films step by step from the study's recipe to ours; write the preset.

    python -m benchmarks.presets.lmap3_radiography_standin DATA --runs RUNS --step study --seed 0
    python -m benchmarks.presets.lmap3_radiography_standin DATA --runs RUNS --preset OUT

The first line trains one run, or goes on with it, and prints its validation score: choices between
steps are made by that alone. The second opens the test part, once, and saves the run of the last
step and seed 0 as a preset with its card. DATA is described in `radiography_data`.
"""

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.presets.radiography_data import NORMALS, standin_table
from keras_cxr import audit_model, build_lmap3, evaluate, make_datasets, train
from keras_cxr.audit import write_model_card
from keras_cxr.data import Datasets
from keras_cxr.evaluation import ConformalSets, calibrated_model, fit_temperature
from keras_cxr.inference import Classifier, save_preset
from keras_cxr.inference.preset.places import PRESETS_FOLDER
from keras_cxr.training import RECIPES

NAME = "lmap3_radiography_standin"
_STUDY, _BEST = RECIPES["study"], RECIPES["best"]
_RATE = {
    name: getattr(_BEST, name)
    for name in ("epochs", "learning_rate", "warmup", "weight_decay", "clipnorm")
}
STEPS = {
    "study": _STUDY,
    "rate": replace(_STUDY, **_RATE),
    "weights": replace(_STUDY, **_RATE, class_weight=_BEST.class_weight),
    "augmentation": replace(
        _STUDY, **_RATE, class_weight=_BEST.class_weight, data_options=_BEST.data_options
    ),
    "dropout": replace(_BEST, label_smoothing=0.0),
    "best": _BEST,
}
"""Each step adds one thing to the one before."""

SOURCES = """
## Sources and licences

{films:,} films at 224 x 224: a public copy of the COVID-19 Radiography Database (Chowdhury et al.
2020, Rahman et al. 2021; Normal partly from RSNA's challenge and Kermany et al. 2018), with films
of NIH ChestX-ray8 (Wang et al. 2017) in place of its Lung_Opacity, of which half the labels are
mined from reports and unconfirmed, and 300 NIH films of "No Finding". {dropped} films of
Lung_Opacity that keras-cxr's own audit found under Normal too were dropped. COVID, Viral Pneumonia
(children of one hospital) and the others come from different hospitals: the classes can be told
apart by source. The figures above leave out {without} films on which no lungs could be found, so
that those with the lungs blacked out are of the same films.

Of normal NIH films in its test part it calls {nih_normal} Normal.

For research only. Not a medical device. The weights are under CC BY-NC 4.0; the images keep the
terms of their sources. Made by `benchmarks/presets/lmap3_radiography_standin.py`.
"""


def main() -> None:
    """Train one run, or save the preset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the films")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--step", choices=STEPS, default="best")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="other than the step's own")
    parser.add_argument("--preset", type=Path, help="folder of the preset to write")
    asked = parser.parse_args()
    films, dropped = standin_table(asked.data)
    if asked.preset is None:
        run_step(films, asked)
    else:
        write_preset(films, dropped, asked)


def run_step(films: Any, asked: argparse.Namespace) -> tuple[keras.Model, Datasets]:
    """Train a step's network, or take it from its run; print its validation scores."""
    recipe = STEPS[asked.step]
    datasets = make_datasets(films, root=asked.data, **recipe.data_options)
    keras.utils.set_random_seed(asked.seed)
    model = build_lmap3(**recipe.model_options)
    folder = asked.runs / f"{asked.step}-{asked.seed}"
    run = train(model, datasets, recipe=recipe, epochs=asked.epochs, run_dir=folder, verbose=2)
    model.load_weights(folder / "best.keras")
    found = evaluate(model, datasets, part="val")
    print(f"{asked.step}, seed {asked.seed}, best epoch {run.best_epoch + 1}:\n{found}", flush=True)
    return model, datasets


def write_preset(films: Any, dropped: int, asked: argparse.Namespace) -> None:
    """Audit the network, which opens the test part, and save it with its card."""
    model, datasets = run_step(films, asked)
    images, labels = datasets.load("val")
    temperature = fit_temperature(labels, model.predict(images, verbose=0))
    calibrated = calibrated_model(model, temperature)
    sets = ConformalSets.fit(
        labels,
        calibrated.predict(images, verbose=0),
        class_names=datasets.class_names,
    )
    with_lungs, num_without = films_with_lungs(datasets, asked)
    audit = audit_model(model, with_lungs)
    print(audit)
    table = evaluate(model, datasets).predictions
    normals = table[table["file"].str.startswith(NORMALS)]
    called = float(np.mean(normals["predicted"] == "Normal"))
    with tempfile.TemporaryDirectory() as folder:
        card = write_model_card(audit, folder, license="cc-by-nc-4.0", name=NAME).read_text()
    save_preset(
        Classifier(model, datasets.class_names, {"image_size": [224, 224]}),
        asked.preset,
        name="lmap3",
        arguments=STEPS[asked.step].model_options,
        temperature=temperature,
        datasets=datasets,
        prediction_sets=sets,
        description=(
            "Trained on a stand-in for the COVID-19 Radiography Database, whose classes come from "
            "different hospitals: for research alone, not a medical device. See its README.md."
        ),
        card=card
        + SOURCES.format(
            films=len(films),
            dropped=dropped,
            without=num_without,
            nih_normal=f"{called:.0%} of {len(normals)}",
        ),
        license="CC-BY-NC-4.0",
    )
    shutil.copy(PRESETS_FOLDER / NAME / "LICENSE", asked.preset)


def films_with_lungs(datasets: Datasets, asked: argparse.Namespace) -> tuple[Datasets, int]:
    """Return the same parts with the lungs that an audit takes away, and how many have none."""
    table = datasets.table.rename(columns={"class": "label"})[["file", "label", "group", "part"]]
    options: dict[str, Any] = {
        "root": asked.data,
        "masks": "segment",
        **STEPS[asked.step].data_options,
    }
    found = make_datasets(table, **options).table["mask"] != ""
    return make_datasets(table[found.to_numpy()], **options), int((~found).sum())


if __name__ == "__main__":
    main()
