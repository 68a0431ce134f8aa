"""Train LMAP3 on real films by the best recipe, audit it and write the preset with its card.

    python -m benchmarks.presets.lmap3_radiography_standin DATA --runs RUNS --preset OUT

Trains the step "best" of `radiography_steps`, or goes on with it, and opens the test part, once:
what led to the recipe was chosen on validation films alone. DATA is described in
`radiography_data`.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.presets.radiography_data import NORMALS, standin_table
from benchmarks.presets.radiography_steps import STEPS, add_arguments, run_step
from keras_cxr import audit_model, evaluate, make_datasets
from keras_cxr.audit import write_model_card
from keras_cxr.data import Datasets
from keras_cxr.evaluation import ConformalSets, calibrated_model, fit_temperature
from keras_cxr.inference import Classifier, save_preset
from keras_cxr.inference.preset.places import PRESETS_FOLDER

NAME = "lmap3_radiography_standin"

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
    """Train the run, or go on with it, and save the preset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--preset", type=Path, required=True, help="folder of the preset to write")
    asked = parser.parse_args()
    films, dropped = standin_table(asked.data)
    write_preset(films, dropped, asked)


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
        arguments=STEPS[asked.step].recipe.model_options,
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
        **STEPS[asked.step].recipe.data_options,
    }
    found = make_datasets(table, **options).table["mask"] != ""
    return make_datasets(table[found.to_numpy()], **options), int((~found).sum())


if __name__ == "__main__":
    main()
