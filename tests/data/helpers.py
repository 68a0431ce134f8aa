"""Folders of small pictures in the layouts of real data sets."""

from pathlib import Path

import cv2
import numpy as np

from keras_cxr.data import make_datasets


def picture(number, size=(20, 24)):
    """A smooth grey picture that differs by number."""
    y, x = np.mgrid[: size[0], : size[1]]
    wave = np.sin(x / 3.0 + number) + np.cos(y / (2.0 + number % 5))
    return np.uint8(np.rint((wave + 2.0) * 60.0))


def write(path, pixels):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def lungs(size=(20, 24)):
    """A mask with two rectangles."""
    mask = np.zeros(size, np.uint8)
    mask[4:-4, 3 : size[1] // 2 - 1] = 255
    mask[4:-4, size[1] // 2 + 1 : -3] = 255
    return mask


def kaggle(root, *, counts=None, masks=True, mask_size=(16, 16)):
    """CLASS/images and CLASS/masks, masks of another size and in colour, as Kaggle has them."""
    for label, count in (counts or {"COVID": 6, "Normal": 8}).items():
        for number in range(count):
            name = f"{label}-{number + 1}.png"
            write(root / label / "images" / name, picture(len(label) * 50 + number))
            if masks:
                mask = cv2.cvtColor(lungs(mask_size), cv2.COLOR_GRAY2BGR)
                write(root / label / "masks" / name, mask)
        (root / f"{label}.metadata.xlsx").write_bytes(b"a workbook")
    return root


def plain(root, *, counts=None, suffix=".png"):
    """CLASS/*.png."""
    for label, count in (counts or {"NORMAL": 6, "PNEUMONIA": 9}).items():
        for number in range(count):
            write(root / label / f"{number}{suffix}", picture(len(label) * 50 + number))
    return root


def read_all(part):
    """All batches of a part as two arrays."""
    batches = [(np.asarray(images), np.asarray(labels)) for images, labels in part]
    return np.concatenate([one[0] for one in batches]), np.concatenate([one[1] for one in batches])


OPTIONS = {"image_size": (16, 16), "batch_size": 4, "format": "keras", "verbose": False}


def make(data, cache_dir, **options):
    return make_datasets(data, cache_dir=cache_dir, **{**OPTIONS, **options})


def only(cache_dir):
    (folder,) = cache_dir.iterdir()
    return folder


def same(one, other, *, masks=True):
    for part in ("train", "val", "test"):
        np.testing.assert_array_equal(
            read_all(getattr(one, part))[0], read_all(getattr(other, part))[0]
        )
        np.testing.assert_array_equal(one.load(part)[0], other.load(part)[0])
        if masks:
            np.testing.assert_array_equal(one.load_masks(part), other.load_masks(part))
    assert one.fingerprint == other.fingerprint
