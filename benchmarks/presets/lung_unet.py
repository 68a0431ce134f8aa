"""Train the weights of `build_lung_unet` on masks drawn by people, and test them once.

    python -m benchmarks.presets.lung_unet MASKS FILMS --out DIR

MASKS holds `CLASS/NAME.png`, FILMS the films as `CLASS/images/NAME.jpg`, all 224 x 224. Copies of
a film stay in one part (`find_duplicates`): 75 % train, 10 % choose thresholds, 15 % are the test,
which is opened after the last epoch. What comes out: `lung_unet.weights.h5` (float32),
`lung_unet.npz` (float16, as in the package) and `dice.csv`.
"""

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.presets.lung_augmentation import augment
from keras_cxr.data import find_duplicates
from keras_cxr.segmentation import LungSegmenter, build_lung_unet
from keras_cxr.segmentation.weights import save_weights

SIDE = 224
BATCH_SIZE = 16
PARTS = ("train", "val", "test")
WEIGHT_DECAY = 1e-3


class Cycle(NamedTuple):
    """Epochs under one schedule: warm-up to the rate, then a cosine that may be cut short."""

    epochs: int
    cosine_epochs: int
    warmup_steps: int
    learning_rate: float


CYCLES = (Cycle(20, 60, 300, 3e-3), Cycle(6, 6, 40, 1.5e-3), Cycle(6, 8, 40, 1.5e-3))
"""Warm restarts (Loshchilov and Hutter 2017); the first and the last cosine were cut short."""


class Films(NamedTuple):
    """All films with masks: names `CLASS/NAME`, `(films, 224, 224)` uint8, masks 0 or 255."""

    names: NDArray[Any]
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    parts: NDArray[np.int64]


def read_films(masks: Path, films: Path, out: Path) -> Films:
    """Read all films that have a mask; the part of each is drawn by hashing its group of copies."""
    kept = out / "films.npz"
    if kept.exists():
        return Films(**np.load(kept))
    names = [f"{path.parent.name}/{path.stem}" for path in sorted(masks.glob("*/*.png"))]
    files = ["{}/images/{}.jpg".format(*name.split("/")) for name in names]
    images = np.stack([_read(films / file) for file in files])
    drawn = np.stack([_read(masks / f"{name}.png") for name in names])
    table = pd.DataFrame({"file": files, "label": [name.split("/")[0] for name in names]})
    duplicates = find_duplicates(table, root=films, cache_dir=out / "cache")
    print(duplicates, flush=True)
    first = {file: group.files[0] for group in duplicates.groups for file in group.files}
    parts = np.array([_part(first.get(file, file)) for file in files])
    found = Films(np.array(names), images, np.where(drawn > 127, 255, 0).astype(np.uint8), parts)
    np.savez(kept, **found._asdict())
    return found


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None or picture.shape != (SIDE, SIDE):
        raise SystemExit(f"{path} is no picture of {SIDE} x {SIDE} pixels")
    return picture


def _part(group: str) -> int:
    """Return 0, 1 or 2 for 75, 10 and 15 % of groups."""
    drawn = int(hashlib.sha256(f"lungs0{group}".encode()).hexdigest()[:8], 16) / 16**8
    return 2 if drawn < 0.15 else 1 if drawn < 0.25 else 0


class Batches(keras.utils.PyDataset):
    """Augmented batches, another order each epoch; all from (epoch, image)."""

    def __init__(self, images: NDArray[np.uint8], masks: NDArray[np.uint8], epoch: int) -> None:
        super().__init__(workers=2, max_queue_size=8)
        self.images, self.masks, self.epoch = images, masks, epoch - 1
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.images) // BATCH_SIZE

    def on_epoch_end(self) -> None:
        """Draw the next epoch's order."""
        self.epoch += 1
        self.order = np.random.default_rng(self.epoch).permutation(len(self.images))

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rows = self.order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        pairs = [
            augment(np.random.default_rng((self.epoch, row)), self.images[row], self.masks[row])
            for row in rows
        ]
        images, masks = (np.stack(one)[..., None] for one in zip(*pairs, strict=True))
        return images, masks


def loss(masks: Any, lungs: Any) -> Any:
    """Return cross-entropy plus 1 - Dice (with squares, as in V-Net, Milletari et al. 2016)."""
    ops = keras.ops
    masks, lungs = ops.cast(masks, "float32"), ops.cast(lungs, "float32")
    entropy = ops.mean(keras.losses.binary_crossentropy(masks, lungs), axis=(1, 2))
    shared = ops.sum(masks * lungs, axis=(1, 2, 3))
    both = ops.sum(masks * masks, axis=(1, 2, 3)) + ops.sum(lungs * lungs, axis=(1, 2, 3))
    return entropy + 1 - (2 * shared + 1) / (both + 1)


def dice(lungs: NDArray[Any], masks: NDArray[Any]) -> NDArray[np.float64]:
    """Return 2 |A & B| / (|A| + |B|) of each film, lungs where the probability is above 1/2."""
    found, drawn = lungs > 0.5, masks > 127
    total = found.sum((1, 2)) + drawn.sum((1, 2))
    return 2 * (found & drawn).sum((1, 2)) / np.maximum(total, 1)


def predict(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities of films, `(films, 224, 224)`."""
    pixels = images[..., None].astype(np.float32)
    return model.predict(pixels, batch_size=32, verbose=0)[..., 0]


def train(films: Films, out: Path) -> keras.Model:
    """Train for all cycles; one whose weights lie in the folder is done. "val" only watches."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = build_lung_unet((SIDE, SIDE, 1))
    keras.config.set_dtype_policy("float32")
    done = 0
    for number, cycle in enumerate(CYCLES, start=1):
        weights = out / f"cycle_{number}.weights.h5"
        if weights.exists():
            model.load_weights(weights)
        else:
            _train_cycle(model, films, cycle, done, out)
            model.save_weights(weights)
        done += cycle.epochs
    return model


def _train_cycle(model: keras.Model, films: Films, cycle: Cycle, first: int, out: Path) -> None:
    training, watched = films.parts == 0, films.parts == 1
    batches = Batches(films.images[training], films.masks[training], first)
    rate = keras.optimizers.schedules.CosineDecay(
        1e-4,
        len(batches) * cycle.cosine_epochs - cycle.warmup_steps,
        warmup_target=cycle.learning_rate,
        warmup_steps=cycle.warmup_steps,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, clipnorm=1.0)
    model.compile(optimizer, loss=loss)
    for epoch in range(0, cycle.epochs, 2):
        start, last = time.time(), min(epoch + 2, cycle.epochs)
        model.fit(batches, epochs=first + last, initial_epoch=first + epoch, verbose=2)
        score = dice(predict(model, films.images[watched]), films.masks[watched])
        print(f"epoch {first + last}: val {score.mean():.4f}, least {score.min():.3f}")
        print(f"  {(time.time() - start) / (last - epoch):.0f} s an epoch", flush=True)
        model.save_weights(out / "latest.weights.h5")


def test(model: keras.Model, films: Films, out: Path) -> None:
    """Write the probabilities of both parts that were not trained on, and their Dice by class."""
    rows = np.flatnonzero(films.parts > 0)
    lungs = LungSegmenter(model).predict(films.images[rows])
    scores = dice(lungs, films.masks[rows])
    table = pd.DataFrame(
        {
            "name": films.names[rows],
            "part": [PARTS[part] for part in films.parts[rows]],
            "class": [name.split("/")[0] for name in films.names[rows]],
            "dice": scores,
        }
    )
    table.to_csv(out / "dice.csv", index=False)
    print(table.groupby(["part", "class"])["dice"].describe(percentiles=[0.01, 0.5]))
    print(table.groupby("part")["dice"].describe(percentiles=[0.01, 0.5]))
    print(table.sort_values("dice").head(15).to_string())


def main() -> None:
    """Read, train, round to float16, test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("masks", type=Path)
    parser.add_argument("films", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    films = read_films(options.masks, options.films, options.out)
    print(dict(zip(PARTS, np.bincount(films.parts).tolist(), strict=True)), flush=True)
    trained = train(films, options.out)
    save_weights(trained, options.out / "lung_unet.npz")
    model = build_lung_unet((SIDE, SIDE, 1), weights=options.out / "lung_unet.npz")
    test(model, films, options.out)


if __name__ == "__main__":
    main()
