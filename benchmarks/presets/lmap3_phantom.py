"""Train LMAP3 on drawn phantoms and write the preset `lmap3_phantom`.

    python -m benchmarks.presets.lmap3_phantom --out keras_cxr/inference/weights/lmap3_phantom

300 phantoms a class at the study's size, split 80/10/10; the test part is opened once. AdamW whose
rate rises for two epochs and falls to zero as a cosine (Loshchilov and Hutter 2017 and 2019), no
flip, smaller dropout than the study's builder assumes.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import keras

from keras_cxr import build_lmap3, evaluate, make_datasets, make_phantoms, train
from keras_cxr.evaluation import fit_temperature
from keras_cxr.inference import Classifier, save_preset
from keras_cxr.training import RECIPES

IMAGES_PER_CLASS, SEED = 300, 0
DROPOUT = 0.2
RECIPE = replace(
    RECIPES["best"], epochs=16, warmup=2 / 16, label_smoothing=0.0, class_weight="balanced"
)

CARD = """# lmap3_phantom

LMAP3 (287,688 parameters, 224 x 224 grey) trained on {films} drawn phantoms. On {tested} others of
the same kind, never trained on: {score}.

It knows drawings alone. It is for demonstrations and tests: its answers for films of people mean
nothing. Made by `benchmarks/presets/lmap3_phantom.py`; the weights are under CC0-1.0.
"""


def main() -> None:
    """Draw, train, test, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the preset")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        films = make_phantoms(Path(folder, "phantoms"), images_per_class=IMAGES_PER_CLASS, seed=7)
        datasets = make_datasets(films, horizontal_flip=False, cache_dir=Path(folder, "cache"))
        keras.utils.set_random_seed(SEED)
        model = build_lmap3(dropout=DROPOUT)
        train(model, datasets, recipe=RECIPE, verbose=2)
        images, labels = datasets.load("val")
        temperature = fit_temperature(labels, model.predict(images, verbose=0))
        found = evaluate(model, datasets)
        print(found)
        score = f"accuracy {found.accuracy:.3f}"
        save_preset(
            Classifier(model, datasets.class_names, {"image_size": [224, 224]}),
            out,
            name="lmap3",
            arguments={"dropout": DROPOUT},
            temperature=temperature,
            datasets=datasets,
            num_references=200,
            description=(
                "Trained on drawn phantoms, for demonstrations and tests: what it answers for "
                "films of people means nothing. Not a medical device."
            ),
            card=CARD.format(
                films=len(datasets.files("train")), tested=len(found.predictions), score=score
            ),
            license="CC0-1.0",
        )


if __name__ == "__main__":
    main()
