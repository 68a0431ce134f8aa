"""Synthetic chest radiographs with known lungs and lesions, in the Kaggle database's layout.

They let the demo, the tests and explanation benchmarks run without any download. They are
drawings: what a model reaches on them says nothing about patients.
"""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice, check_integer
from keras_cxr._support.disk.documents import FormError, parse_json, read_bytes
from keras_cxr._support.disk.file_names import PHANTOMS_FILE
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.locking import ScratchFolder
from keras_cxr.errors import InvalidArgumentError, OutputError
from keras_cxr.phantoms.anatomy import draw_anatomy, expose, lung_outline
from keras_cxr.phantoms.canvas import Frame, smooth
from keras_cxr.phantoms.lesions import LESIONS

CLASS_NAMES = tuple(LESIONS)
MIN_SIDE, MAX_SIDE = 32, 4096  # below, ribs are no longer drawn; above, a slip of the keyboard
_PARTS = ("images", "masks", "lesions")
_SCHEMA_VERSION = 1
_DRAWING_VERSION = 1  # raised whenever the same settings would give other pixels


@dataclass(frozen=True, eq=False)
class Phantom:
    """One synthetic radiograph and what is known about it.

    Attributes:
        image: (height, width) uint8, bright where much is absorbed, as on a chest film.
        lungs: (height, width) bool, the lungs without the part behind the heart.
        lesions: (height, width) bool, inside the lungs; all False for class Normal.
    """

    image: NDArray[np.uint8]
    lungs: NDArray[np.bool_]
    lesions: NDArray[np.bool_]


def draw_phantom(
    class_name: str, number: int, *, image_size: int | tuple[int, int] = (224, 224), seed: int = 0
) -> Phantom:
    """Draws a chest radiograph of one of the four classes.

    Build, pose, exposure, noise and side marker come from the same distributions for every
    class: only the lesions differ. Lung_Opacity: one to three dense, fluffy consolidations
    anywhere. COVID: net-like ground-glass patches in both lungs, towards the periphery and the
    bases. Viral Pneumonia: streaks and small nodules round both hila. Normal: none.

    Args:
        class_name: one of "COVID", "Lung_Opacity", "Normal", "Viral Pneumonia".
        number: any integer from 0; with `seed`, class and size it decides the whole picture.
        image_size: side, or height and width, in pixels.
        seed: any integer from 0.

    Returns:
        The picture with its lung mask and lesion mask.

    Raises:
        InvalidArgumentError: An argument is out of its range.
    """
    check_choice("class_name", class_name, CLASS_NAMES, shown=str)
    size = _checked_size(image_size)
    check_integer("number", number, least=0)
    check_integer("seed", seed, least=0)
    key = [seed, CLASS_NAMES.index(class_name), number]
    person, lesion = (np.random.Generator(np.random.PCG64([*key, part])) for part in (0, 1))
    frame = Frame(size, person)
    width = person.uniform(0.94, 1.06)
    lungs = np.maximum(*(frame.fill(smooth(lung_outline(side, width, person))) for side in (-1, 1)))
    attenuation = draw_anatomy(frame, lungs, width, person)
    added, mask = LESIONS[class_name](frame, lesion)
    return Phantom(
        expose(frame, attenuation + added * lungs, person), lungs > 0.5, mask & (lungs > 0.5)
    )


def make_phantoms(
    folder: str | os.PathLike[str],
    *,
    images_per_class: int = 100,
    image_size: int | tuple[int, int] = (224, 224),
    seed: int = 0,
) -> Path:
    """Write a small database of synthetic chest radiographs and return its folder.

    The layout is the Kaggle COVID-19 Radiography Database's, with the lesions beside it:
    `COVID/images/COVID-1.png`, `COVID/masks/COVID-1.png` (lungs), `COVID/lesions/COVID-1.png`,
    and so on for Lung_Opacity, Normal and Viral Pneumonia. All files are 8-bit grey PNG of one
    size; masks hold 0 and 255. `phantoms.json` holds the settings. The folder is written whole
    or not at all; one that already holds exactly these phantoms is used again.

    Args:
        folder: new or empty folder; its parents are made when missing.
        images_per_class: how many images each of the four classes gets.
        image_size: side, or height and width, in pixels (32 to 4096).
        seed: any integer from 0. Each picture depends on seed, class, number and size alone.

    Returns:
        The folder as a path.

    Raises:
        InvalidArgumentError: An argument is out of its range.
        OutputError: The folder holds something else, or cannot be written.
    """
    folder = Path(folder)
    check_integer("images_per_class", images_per_class, least=1)
    check_integer("seed", seed, least=0)
    size = _checked_size(image_size)
    settings: dict[str, object] = {
        "schema_version": _SCHEMA_VERSION,
        "drawing_version": _DRAWING_VERSION,
        "classes": list(CLASS_NAMES),
        "images_per_class": int(images_per_class),
        "image_size": list(size),
        "seed": int(seed),
    }
    names = _file_names(images_per_class)
    if _is_reusable(folder, settings, names):
        return folder
    try:
        scratch = ScratchFolder(folder.absolute())
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        _write(scratch.path, images_per_class, size, seed)
        write_json(scratch.path / PHANTOMS_FILE, settings)
        if folder.is_dir():
            folder.rmdir()  # it is empty: Windows cannot rename onto it
        scratch.become(folder)
    except OSError as error:
        scratch.remove()
        if _is_reusable(folder, settings, names):  # another process was quicker
            return folder
        raise _unwritable(folder, error) from error
    except BaseException:
        scratch.remove()
        raise
    return folder


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"Cannot write phantoms to {folder}: {error}")


def _write(folder: Path, images_per_class: int, size: tuple[int, int], seed: int) -> None:
    for class_name in CLASS_NAMES:
        parts = [folder / class_name / part for part in _PARTS]
        for part in parts:
            part.mkdir(parents=True)
        for number in range(1, images_per_class + 1):
            phantom = draw_phantom(class_name, number, image_size=size, seed=seed)
            pictures = phantom.image, phantom.lungs * np.uint8(255), phantom.lesions * np.uint8(255)
            for part, picture in zip(parts, pictures, strict=True):
                _, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
                (part / f"{class_name}-{number}.png").write_bytes(data.tobytes())


def _is_reusable(folder: Path, settings: dict[str, object], names: set[str]) -> bool:
    """Tell whether the folder holds these phantoms (True) or is free (False); else raise."""
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a new or empty folder for the phantoms.")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if not found and not any(folder.iterdir()):
        return False
    if PHANTOMS_FILE not in found:
        raise OutputError(
            f"{folder} is not empty and holds no {PHANTOMS_FILE}: name a new or empty folder for "
            "the phantoms, nothing was written."
        )
    try:
        written = parse_json(read_bytes(folder / PHANTOMS_FILE))
    except FormError:
        written = None
    if written != settings:
        differing = [
            f"{name} {written.get(name)!r} instead of {value!r}"
            for name, value in settings.items()
            if isinstance(written, dict) and written.get(name) != value
        ]
        raise OutputError(
            f"{folder} holds phantoms with other settings ({'; '.join(differing) or 'unreadable'}):"
            " name a new folder or delete this one."
        )
    if names != found:
        name = sorted(names ^ found)[0]
        what = "is missing" if name in names else "does not belong there"
        raise OutputError(
            f"{folder} holds these phantoms, but {name} {what} (differing files: "
            f"{len(names ^ found)}): name a new folder or delete this one."
        )
    return True


def _file_names(images_per_class: int) -> set[str]:
    return {PHANTOMS_FILE} | {
        str(PurePosixPath(class_name, part, f"{class_name}-{number}.png"))
        for class_name in CLASS_NAMES
        for part in _PARTS
        for number in range(1, images_per_class + 1)
    }


def _checked_size(image_size: int | tuple[int, int]) -> tuple[int, int]:
    sides = image_size if isinstance(image_size, tuple | list) else (image_size, image_size)
    integers = all(isinstance(side, int | np.integer) for side in sides)
    if not integers or len(sides) != 2 or min(sides) < MIN_SIDE or max(sides) > MAX_SIDE:
        raise InvalidArgumentError(
            f"image_size must be a side or (height, width) from {MIN_SIDE} to {MAX_SIDE} pixels; "
            f"received {image_size!r}."
        )
    return int(sides[0]), int(sides[1])
