"""A folder of phantoms in which everything is planted that an audit of data finds."""

import hashlib

import cv2
import numpy as np
import pandas as pd

from keras_cxr.audit.of_data.audit import audit_data
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom
from tests.data.helpers import write

SIDE = 128


def film(number):
    """A class and a picture (128, 128) uint8, different for every number."""
    name = CLASS_NAMES[number % 4]
    return name, draw_phantom(name, number, image_size=SIDE).image


def levels(image, slope, offset):
    return np.uint8(np.clip(np.rint(image * slope + offset), 0, 255))


def compressed(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0)


def shifted(image):
    return cv2.warpAffine(image, np.float32([[1, 0, 4], [0, 1, -3]]), (SIDE, SIDE))


def lettered(image):
    return cv2.putText(image.copy(), "R AP", (6, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)


CHANGES = {
    "exact": (lambda image: image, "exact"),
    "resized": (lambda image: cv2.resize(image, (90, 96), interpolation=cv2.INTER_AREA), "near"),
    "compressed": (compressed, "near"),
    "cropped": (lambda image: image[3:-6, 6:-2], "near"),
    "shifted": (shifted, "near"),
    "brighter": (lambda image: levels(image, 0.8, 40.0), "near"),
    "lettered": (lettered, "near"),
    "mirrored": (lambda image: image[:, ::-1], "flipped"),
}
"""Eight kinds of change with the kind of copy that each leaves."""
CONFLICTS = (("COVID", "Lung_Opacity"), ("Lung_Opacity", "Normal"))
"""The classes that films 8 and 9 stand under."""


def plant(root):
    """Writes 24 films, a copy of eight, two conflicts, a corrupt file; returns the copies.

    The answer is {copy: (original, kind)}, both relative to the folder.
    """
    copies = {}
    for number in range(24):
        label, image = film(number)
        write(root / label / "images" / f"film-{number}.png", image)
    for number, (name, (change, kind)) in enumerate(CHANGES.items()):
        label, image = film(number)
        file = f"{label}/images/{name}.png"
        write(root / file, change(image))
        copies[file] = (f"{label}/images/film-{number}.png", kind)
    for number in (8, 9):
        label, image = film(number)
        second = CLASS_NAMES[(number + 1) % 4]
        file = f"{second}/images/second-{number}.png"
        write(root / file, levels(image, 0.9, 12.0))
        copies[file] = (f"{label}/images/film-{number}.png", "near")
    (root / "Normal" / "images" / "broken.png").write_bytes(b"no picture")
    return copies


def patients(folder):
    """Film 0 and 4 (COVID) are of one patient, film 1 and 2 (two classes) of another."""
    name = {0: "p1", 4: "p1", 1: "p2", 2: "p2", 3: "p3"}
    rows = [(f"{film(n)[0]}/images/film-{n}.png", p, "ward") for n, p in name.items()]
    return pd.DataFrame(rows, columns=["file", "patient", "source"])


def audit(data, **options):
    return audit_data(data, **{"image_size": (SIDE, SIDE), "verbose": False, **options})


def state(folder):
    """Every path in a folder with its content and its time."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in folder.rglob("*")
    }
