"""Train LMAP3 on a folder of chest X-rays, test it, and save heat maps of the test images.

    python examples/train_on_a_folder.py my-xrays --epochs 25 --image-size 224

`my-xrays` holds one folder for each class. Without a folder, phantoms are drawn; the small
defaults then end in seconds, and learn nothing.
"""

import argparse
from pathlib import Path

import keras
from matplotlib.image import imsave

from keras_cxr import (
    GradCAM,
    build_lmap3,
    evaluate,
    make_datasets,
    make_phantoms,
    overlay,
    train,
)
from keras_cxr.evaluation import plot_confusion_matrix, plot_history


def main() -> None:
    """Train, test and explain; write everything into one folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="images in CLASS folders")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--image-size", type=int, default=128, help="height and width in pixels")
    parser.add_argument("--out", type=Path, default=Path("trained"))
    options = parser.parse_args()

    folder = options.folder or make_phantoms("phantoms", images_per_class=20, image_size=(128, 128))
    size = (options.image_size, options.image_size)
    # the heart lies on the left: do not teach the model otherwise
    datasets = make_datasets(folder, image_size=size, horizontal_flip=False)
    print(datasets, end="\n\n")

    keras.utils.set_random_seed(0)  # the first weights
    model = build_lmap3(datasets.input_shape, datasets.num_classes)
    # Killed or interrupted, the same command goes on after the last complete epoch.
    run = train(model, datasets, epochs=options.epochs, run_dir=options.out / "run")
    evaluation = evaluate(model, datasets)
    print(evaluation)

    plot_history(run.history).savefig(options.out / "curves.png")
    plot_confusion_matrix(evaluation).savefig(options.out / "confusion_matrix.png")
    evaluation.predictions.to_csv(options.out / "predictions.csv", index=False)

    images, _ = datasets.load("test", range(min(8, len(datasets.files("test")))))
    for number, picture in enumerate(overlay(images, GradCAM(model)(images))):
        imsave(options.out / f"heatmap-{number}.png", picture)
    print(f"\nTables, plots, heat maps and models are in {options.out}")


if __name__ == "__main__":
    main()
