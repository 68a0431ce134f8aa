"""From a folder of image files to a CSV file of answers."""

import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from benchmarks.common import Options, Report, alternate, main, phantom_folder
from keras_cxr import build_lmap3
from keras_cxr.evaluation.ood import MAX_IMAGES, NEIGHBOR, OutOfDistribution
from keras_cxr.evaluation.vectors import THUMBNAIL_SIDE
from keras_cxr.inference import Classifier, list_image_files
from keras_cxr.keras_graph.features import feature_model

CLASSES = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")


def run(options: Options) -> Report:
    """Predict a folder: keras-cxr, a plain Keras loop, the bare forward pass, the bare decoder."""
    report = Report("prediction", "LMAP3's answers for a folder of 299-pixel PNG files, as CSV")
    folder = phantom_folder(options, options.size(2000, 40))
    classifier = Classifier(build_lmap3(), CLASSES, {})
    files = list_image_files([folder])
    out = options.work / "answers.csv"
    batch = np.random.default_rng(0).uniform(0, 255, (32, 224, 224, 1)).astype(np.float32)
    classifier.predict(batch)  # compiles
    watchful = replace(classifier, unusual=detector(classifier.model))
    saved = options.work / "model.keras"
    classifier.model.save(saved)
    bfloat16 = Classifier.load(saved, class_names=CLASSES, precision="mixed_bfloat16")
    onnx = Classifier.load(saved, class_names=CLASSES, runtime="onnx")
    for one in (watchful, bfloat16, onnx):
        one.predict_files(files[:40])  # compiles, for 32 files and for the rest

    def ours(classifier: Classifier) -> float:
        started = time.perf_counter()
        table, failed = classifier.predict_files(list_image_files([folder]))
        table.to_csv(out, index=False)
        assert len(table) == len(files), failed
        return len(files) / (time.perf_counter() - started)

    def forward() -> float:
        started = time.perf_counter()
        for _ in range(len(files) // 32):
            classifier.predict(batch)
        return len(files) // 32 * 32 / (time.perf_counter() - started)

    def decoder() -> float:
        started = time.perf_counter()
        count = sum(len(chunk) for chunk in classifier.read_ahead(files))
        return count / (time.perf_counter() - started)

    found = alternate(
        {
            "keras-cxr": lambda: ours(classifier),
            "keras-cxr, unusual pictures told": lambda: ours(watchful),
            "keras-cxr, bfloat16": lambda: ours(bfloat16),
            "keras-cxr, onnx": lambda: ours(onnx),
            "plain Keras loop": lambda: plain_loop(classifier.model, folder, out),
            "bare forward pass": forward,
            "bare decoder, all cores": decoder,
        },
        rounds=options.size(5, 1),
    )
    for contestant, values in found.items():
        report.add(contestant, values, "images/s")
    mine = found["keras-cxr"]
    plain = found["plain Keras loop"]
    report.compare("plain Keras loop", mine, plain, "at least 2")
    report.compare("bfloat16 / plain Keras loop", found["keras-cxr, bfloat16"], plain, "at least 2")
    report.compare("onnx / plain Keras loop", found["keras-cxr, onnx"], plain, "reported")
    told = found["keras-cxr, unusual pictures told"]
    report.compare("unusual pictures told / not told", told, mine, "at least 0.85")
    pairs = list(zip(found["bare forward pass"], found["bare decoder, all cores"], strict=True))
    report.compare(
        "the slower of forward and decoder", mine, [min(pair) for pair in pairs], "at least 0.95"
    )
    report.compare(
        "forward and decoder one after the other", mine,
        [1 / (1 / one + 1 / other) for one, other in pairs], "reported",
    )  # fmt: skip
    report.notes.append(
        "Forward pass and decoder each use every core here: together they cannot be faster than "
        "one after the other. With a GPU, or more cores than the model uses, they overlap."
    )
    return report


def detector(model: keras.Model) -> OutOfDistribution:
    """A detector of usual size, with noise for training images: it scores as fast as a real one."""
    width = feature_model(model).output_shape[-1] + THUMBNAIL_SIDE**2
    references = np.random.default_rng(0).normal(size=(MAX_IMAGES, width)).astype(np.float16)
    return OutOfDistribution(model, references, 1.0, NEIGHBOR, 1000, True)


def plain_loop(model: keras.Model, folder: Path, out: Path) -> float:
    """Images per second as a user writes it: load, stack, predict."""
    started = time.perf_counter()
    rows = []
    files = sorted(folder.rglob("*.png"))
    for start in range(0, len(files), 32):
        chunk = files[start : start + 32]
        images = [
            keras.utils.img_to_array(
                keras.utils.load_img(
                    file, color_mode="grayscale", target_size=(224, 224), interpolation="bilinear"
                )
            )
            for file in chunk
        ]
        answers = model.predict(np.stack(images), verbose=0)
        for file, row in zip(chunk, answers, strict=True):
            rows.append([str(file), CLASSES[row.argmax()], *row])
    pd.DataFrame(rows, columns=["file", "predicted", *CLASSES]).to_csv(out, index=False)
    return len(files) / (time.perf_counter() - started)


if __name__ == "__main__":
    main(run)
