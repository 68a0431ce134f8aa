"""Where the films of a label file lie below a folder of images."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from keras_cxr.data.catalog import listing
from keras_cxr.data.finding.walk import read_folder, stem_of, suffix_of
from keras_cxr.data.tables.joining import places_of, posix_file
from keras_cxr.errors import DataError


def find_films(files: Sequence[str], root: Path) -> tuple[list[str], list[str]]:
    """Return for each film its path below the folder, "" for none, and notes on the others.

    A label file may name films by the path below the folder, with folders in front of it
    (CheXpert), without the folders that they lie in (NIH), without a suffix (RSNA, VinDr) or with
    another one. So a film is the image whose steps, from the last one back, are the same as far as
    both have some; capitals do not count, nor does the suffix of an image.

    Args:
        files: all different, as the label file names them.
        root: the folder; those of masks in it are not looked into.

    Raises:
        DataError: No film lies there, several images could be one film, or one be several films.
    """
    known = [path for path, _ in read_folder(root).images()]
    places = places_of(files, known, root=root)
    torn, others = [], [row for row, place in enumerate(places) if place < 0]
    fitting = _fitting([files[row] for row in others], known)
    for row, fits in zip(others, fitting, strict=True):
        if len(fits) > 1:
            torn.append(f"{files[row]}: {' or '.join(known[one] for one in fits[:3])}")
        elif fits:
            places[row] = fits[0]
    if torn:
        raise DataError(
            f"{len(torn):,} film(s) could be several images below {root}. Pass a folder further "
            f"down or up, or delete what is there twice:\n{listing(torn)}"
        )
    found = [known[place] if place >= 0 else "" for place in places]
    _refuse_two(files, found)
    absent = [file for file, path in zip(files, found, strict=True) if not path]
    if len(absent) == len(files):
        has = f"it holds {known[0]!r}" if known else "it holds no image"
        raise DataError(
            f"None of the {len(files):,} films lies below {root}: the label file names "
            f"{files[0]!r}, {has}. Pass the folder that holds the images."
        )
    notes = []
    other = [
        f"{file!r} at {path!r}"
        for file, path in zip(files, found, strict=True)
        if path and path != posix_file(file)
    ]
    if other:
        notes.append(f"{len(other):,} film(s) lie under another name, such as {other[0]}")
    if absent:
        notes.append(
            f"left out: {len(absent):,} film(s) that are not below {root}, such as {absent[0]!r}"
        )
    unnamed = len(known) - (len(files) - len(absent))
    if unnamed:
        notes.append(f"{unnamed:,} image(s) below {root} are not in the label file")
    return found, notes


def _steps(path: str) -> tuple[str, ...]:
    """Return the steps of a path in small letters, the last one without an image's suffix."""
    *folders, name = posix_file(path).casefold().split("/")
    return (*folders, stem_of(name))


def _fitting(files: Sequence[str], known: Sequence[str]) -> list[list[int]]:
    """Return for each film the places of the images that it could be; of its suffix, if any is."""
    wanted = [_steps(file) for file in files]
    lengths = {len(steps) for steps in wanted}
    # by their last steps, as many as any film has, and by all of them where those are fewer
    ends: dict[tuple[str, ...], list[int]] = defaultdict(list)
    whole: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, path in enumerate(known if files else ()):
        steps = _steps(path)
        whole[steps].append(place)
        for length in lengths:
            if length < len(steps):
                ends[steps[-length:]].append(place)
    found = []
    for file, steps in zip(files, wanted, strict=True):
        fits = list(ends.get(steps, ()))
        for start in range(len(steps)):
            fits += whole.get(steps[start:], ())
        same = [place for place in fits if suffix_of(known[place]) == suffix_of(file)]
        found.append(same or fits)
    return found


def _refuse_two(files: Sequence[str], found: Sequence[str]) -> None:
    film_of: dict[str, str] = {}
    torn = [
        f"{path}: {film_of[path]} and {file}"
        for file, path in zip(files, found, strict=True)
        if path and film_of.setdefault(path, file) != file
    ]
    if torn:
        raise DataError(
            f"{len(torn):,} image(s) could be several films of the label file. Pass the folder "
            f"that its paths start from:\n{listing(torn)}"
        )
