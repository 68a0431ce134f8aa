"""Which score tells pictures that are no upright chest X-rays from those that are.

With real X-rays: KERAS_CXR_TEST_DATA names the folder that holds the database and
KERAS_CXR_TEST_RUN the folder of a run of `keras-cxr train` on it (what `split.csv` calls train,
val and test is taken). Without, phantoms and a small network stand in, which shows nothing but
that the benchmark runs.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy.special import logsumexp
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from benchmarks.common import Options, Report, main, phantom_folder
from benchmarks.odd_pictures import other_pictures
from keras_cxr import Datasets, build_lenet5, make_datasets, train
from keras_cxr.data.files.images import read_image
from keras_cxr.evaluation.ood import MAX_IMAGES, NEIGHBOR, OutOfDistribution
from keras_cxr.evaluation.vectors import thumbnails
from keras_cxr.keras_graph.features import feature_model
from keras_cxr.statistics.intervals.limits import wilson_limits

Images = Any
Scorer = Callable[[Images], Any]
CHUNK = 64


def run(options: Options) -> Report:
    """AUROC and share rejected of each score, at the threshold that accepts 95 % of validation."""
    model, datasets = _trained(options)
    films = datasets.load("test")[0]
    if options.smoke:
        films = films[:40]
    sets = other_pictures(films, count=options.size(200, 8), seed=0) | _dicom(datasets)
    report = Report("ood", f"Pictures of other kinds beside {len(films):,} X-rays of the test part")
    shares: dict[str, dict[str, str]] = {}
    validation = datasets.load("val")[0]
    for name, score in _scorers(model, datasets).items():
        threshold = float(np.quantile(score(validation), 0.95, method="higher"))
        usual = score(films)
        accepted = int((usual <= threshold).sum())
        low, high = wilson_limits(np.array(accepted / len(films)), np.array(len(films)))
        report.add(name, [accepted / len(films)], "of the test X-rays accepted")
        cells = {"X-rays accepted": f"{accepted / len(films):.3f} [{low:.3f}, {high:.3f}]"}
        found = {}
        for kind, pictures in sets.items():
            other = score(pictures)
            truth = np.r_[np.zeros(len(usual)), np.ones(len(other))]
            auroc = float(roc_auc_score(truth, np.r_[usual, other]))
            rejected = int((other > threshold).sum())
            found[kind] = {"auroc": auroc, "rejected": rejected, "pictures": len(other)}
            cells[f"{kind} ({len(other):,})"] = f"{auroc:.3f} / {rejected / len(other):.2f}"
        report.results[name] = found
        shares[name] = cells
    report.tables.append(_markdown(pd.DataFrame(shares)))
    report.notes.append(
        "AUROC / share rejected. The DICOM films are X-rays and should be accepted, one of the "
        "six excepted, which is a negative; phantoms are drawings of chests. Mirrored films and "
        "phantoms are no errors of a score that accepts them."
    )
    return report


def _trained(options: Options) -> tuple[keras.Model, Datasets]:
    data, folder = (os.environ.get(f"KERAS_CXR_TEST_{name}") for name in ("DATA", "RUN"))
    if data and folder and not options.smoke:
        table = pd.read_csv(Path(folder) / "split.csv", dtype=str, keep_default_na=False)
        root = Path(data) / "COVID-19_Radiography_Dataset"
        model = keras.saving.load_model(Path(folder) / "run" / "last.keras", compile=False)
        return model, make_datasets(
            table, root=root, image_size=model.input_shape[1:3], group_duplicates=False
        )
    files = phantom_folder(options, options.size(400, 80))
    datasets = make_datasets(files, image_size=(64, 64), group_duplicates=False)
    model = build_lenet5(datasets.input_shape, datasets.num_classes)
    train(model, datasets, epochs=options.size(10, 1), verbose=0)
    return model, datasets


def _dicom(datasets: Datasets) -> dict[str, Images]:
    folder = Path(os.environ.get("KERAS_CXR_TEST_DATA", "")) / "dicom"
    files = sorted(folder.glob("*.dcm")) if os.environ.get("KERAS_CXR_TEST_DATA") else []
    if not files:
        return {}
    return {"DICOM films": np.stack([read_image(file, datasets.image_size) for file in files])}


def _scorers(model: keras.Model, datasets: Datasets) -> dict[str, Scorer]:
    """Each score by name; higher is more unusual."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(datasets.files("train")))[:MAX_IMAGES])
    images, labels = datasets.load("train", rows)
    network = feature_model(model)
    head = model.layers[-1]

    def features(pictures: Images) -> Any:
        chunks = range(0, len(pictures), CHUNK)
        return np.concatenate(
            [network.predict_on_batch(_float(pictures[i : i + CHUNK])) for i in chunks]
        ).astype(np.float64)

    def logits(pictures: Images) -> Any:
        kernel, bias = head.get_weights()
        return features(pictures) @ kernel + bias

    return {
        "maximum softmax": lambda x: -np.exp(logits(x).max(axis=1) - logsumexp(logits(x), axis=1)),
        "energy": lambda x: -logsumexp(logits(x), axis=1),
        "Mahalanobis, features": _mahalanobis(features, images, labels),
        "kNN, features": _nearest(lambda x: _unit(features(x)), images),
        "kNN, thumbnails": _nearest(lambda x: thumbnails(_float(x)), images),
        "kNN, features and thumbnails (chosen)": OutOfDistribution.fit(model, datasets).score,
    }


def _mahalanobis(features: Scorer, images: Images, labels: Any) -> Scorer:
    """Distance to the nearest class mean, one covariance with shrinkage (Lee et al. 2018)."""
    known = features(images)
    means = np.stack([known[labels == index].mean(axis=0) for index in np.unique(labels)])
    centred = known - means[np.searchsorted(np.unique(labels), labels)]
    spread = centred.std(axis=0) + 1e-6  # units that never fire have no spread
    precision = LedoitWolf(assume_centered=True).fit(centred / spread).precision_

    def score(pictures: Images) -> Any:
        away = (features(pictures)[:, None] - means) / spread
        return np.einsum("nci,ij,ncj->nc", away, precision, away).min(axis=1)

    return score


def _nearest(vectors: Scorer, images: Images) -> Scorer:
    """Distance to the k-th nearest training image (Sun et al. 2022)."""
    known = vectors(images)
    neighbor = max(1, min(NEIGHBOR, len(known) // 10))

    def score(pictures: Images) -> Any:
        own = vectors(pictures)
        squares = (own**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * own @ known.T
        return np.sqrt(np.maximum(np.partition(squares, neighbor - 1)[:, neighbor - 1], 0))

    return score


def _unit(vectors: Any) -> Any:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _float(images: Images) -> Any:
    return np.asarray(images, np.float32)


def _markdown(table: pd.DataFrame) -> str:
    head = ["", *table.columns]
    lines = [head, ["---"] * len(head), *([name, *row] for name, row in zip(
        table.index, table.to_numpy().tolist(), strict=True
    ))]  # fmt: skip
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    main(run)
