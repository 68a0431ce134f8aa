"""Two models on the same images: where do they differ, and is the difference more than chance?

Both answer the same test images, so their answers are compared image by image: only those that
one model got right and the other wrong tell them apart (McNemar's exact test).
"""

import keras
import pandas as pd
from scipy.stats import binomtest

from keras_cxr import build, evaluate, make_datasets, make_phantoms, train


def main() -> None:
    """Train two models on the same parts and compare their answers."""
    folder = make_phantoms("phantoms", images_per_class=12, image_size=(96, 96))
    # one split for both: make_datasets draws it from the seed and the file names alone
    datasets = make_datasets(folder, image_size=(96, 96), split=(0.6, 0.2, 0.2), seed=0)

    found = {}
    for name in ("lmap3", "lenet5"):
        keras.utils.set_random_seed(0)
        model = build(name, input_shape=datasets.input_shape, num_classes=datasets.num_classes)
        run = train(model, datasets, epochs=2, verbose=0)
        found[name] = evaluate(model, datasets)
        metrics = found[name].metrics
        low, high = metrics.balanced_accuracy_interval
        print(
            f"{name:8} balanced accuracy {metrics.balanced_accuracy:.3f} [{low:.3f}, {high:.3f}], "
            f"{model.count_params():,} parameters, {min(run.seconds_per_epoch):.1f} s per epoch"
        )

    first, second = (found[name].predictions for name in ("lmap3", "lenet5"))
    print("\nTest images by who got them right (rows: lmap3, columns: lenet5)")
    print(pd.crosstab(first["correct"], second["correct"]))
    only_first = int((first["correct"] & ~second["correct"]).sum())
    only_second = int((second["correct"] & ~first["correct"]).sum())
    if only_first + only_second:
        p = binomtest(only_first, only_first + only_second).pvalue
        print(f"\np = {p:.3f} that so uneven a division comes from equally good models")
    else:
        print("\nNo image tells the two apart.")


if __name__ == "__main__":
    main()
