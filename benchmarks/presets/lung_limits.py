"""What the limits of `segmentation/evidence.py` let through: films, and pictures that are none.

    python -m benchmarks.presets.lung_limits DIR [--part val] [--films FOLDER ...]

DIR is what `benchmarks.presets.lung_unet` left. The limits were chosen on the part "val",
its pictures that are no films, and films without masks in FOLDER, at most 500 of each.
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.odd_pictures import other_pictures
from benchmarks.presets.lung_augmentation import draw_no_film, shuffle_tiles
from benchmarks.presets.lung_unet import PARTS, SIDE
from keras_cxr.data import read_image
from keras_cxr.inference import list_image_files
from keras_cxr.phantoms.oddities import draw_lateral, draw_other
from keras_cxr.segmentation import build_lung_unet
from keras_cxr.segmentation.evidence import Evidence, weigh

COUNT = 200
MOST = 500


def pictures(films: NDArray[np.uint8], seed: int) -> dict[str, NDArray[np.uint8]]:
    """Return sets of pictures `(n, 224, 224)` by what they show, most of them no films."""
    rng = np.random.default_rng(seed)
    sets = {
        name: found[..., 0]
        for name, found in other_pictures(films[:COUNT, ..., None], count=COUNT, seed=seed).items()
    }
    scaled = films[:COUNT].astype(np.float32) / 255
    sets["tiles of films"] = np.stack([shuffle_tiles(rng, one) * 255 for one in scaled])
    sets["drawn for training"] = np.stack([draw_no_film(rng, SIDE) for _ in range(COUNT)])
    sets["letters"] = np.stack([_letters(rng) for _ in range(COUNT)])
    sets["photographs of matplotlib"] = np.stack([_photograph(rng) for _ in range(COUNT)])
    sets["drawn laterals"] = np.stack([draw_lateral(rng, SIDE) for _ in range(COUNT)])
    sets["drawn oddities"] = np.stack([draw_other(rng, SIDE) for _ in range(COUNT)])
    return {name: np.asarray(np.clip(one, 0, 255), np.uint8) for name, one in sets.items()}


def _letters(rng: Any) -> NDArray[np.uint8]:
    """Return a page of text, black on white or white on black."""
    page = np.full((SIDE, SIDE), 255, np.uint8)
    scale = rng.uniform(0.3, 1.2)
    for row in range(int(30 * scale), SIDE, int(32 * scale)):
        text = "".join(rng.choice(list("ABCDEFGHabcdefgh 0123456789"), 24))
        cv2.putText(page, text, (4, row), cv2.FONT_HERSHEY_SIMPLEX, scale, 0, 1, cv2.LINE_AA)
    return page if rng.random() < 0.5 else 255 - page


def _photograph(rng: Any) -> NDArray[np.uint8]:
    """Return a crop of one of the two photographs that come with matplotlib."""
    from matplotlib.cbook import get_sample_data

    name = str(rng.choice(["grace_hopper.jpg", "Minduka_Present_Blue_Pack.png"]))
    with get_sample_data(name, asfileobj=True) as file:
        grey = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_GRAYSCALE)
    length = int(rng.uniform(0.4, 1) * min(grey.shape))
    top, left = (int(rng.integers(0, size - length + 1)) for size in grey.shape)
    return cv2.resize(
        grey[top : top + length, left : left + length], (SIDE, SIDE), interpolation=cv2.INTER_AREA
    )


def further_films(folder: Path) -> NDArray[np.uint8]:
    """Return at most `MOST` films of a folder, evenly chosen."""
    files = list_image_files([folder])
    chosen = np.unique(np.linspace(0, len(files) - 1, min(MOST, len(files))).astype(int))
    return np.stack([read_image(files[row], (SIDE, SIDE))[..., 0] for row in chosen])


def main() -> None:
    """Print a row for each set: the share that passes, why others do not, and their measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", choices=PARTS[1:], default="val")
    parser.add_argument("--films", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    kept = np.load(options.out / "films.npz")
    films = kept["images"][kept["parts"] == PARTS.index(options.part)]
    sets = {f"films ({options.part})": films}
    sets |= {
        folder.parent.name + "/" + folder.name: further_films(folder) for folder in options.films
    }
    sets |= pictures(films, seed=PARTS.index(options.part))
    model = build_lung_unet(weights=options.out / "lung_unet.npz")
    table, reasons = [], []
    for name, images in sets.items():
        pixels = images[..., np.newaxis].astype(np.float32)
        maps = model.predict(pixels, batch_size=32, verbose=0)[..., 0]
        evidence = [weigh(one) for one in maps]
        measures = pd.DataFrame(evidence, columns=list(Evidence._fields))
        found = np.array([not one.reason for one in evidence])
        table.append([name, len(found), int(found.sum()), *_range(measures)])
        reasons += [(name, *one, one.reason) for one in evidence]
    columns = ["pictures", "number", "found", *Evidence._fields]
    print(pd.DataFrame(table, columns=columns).to_string(index=False))
    rows = pd.DataFrame(reasons, columns=["pictures", *Evidence._fields, "reason"])
    rows.to_csv(options.out / f"evidence_{options.part}.csv", index=False)


def _range(measures: pd.DataFrame) -> list[str]:
    """Return the smallest value, the first and the ninety-ninth percentile and the largest."""
    return [
        " ".join(f"{value:.2f}" for value in measures[name].quantile([0, 0.01, 0.99, 1]))
        for name in Evidence._fields
    ]


if __name__ == "__main__":
    main()
