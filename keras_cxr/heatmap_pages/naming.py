"""Names for the pictures of image files in one folder, such that none is given twice."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from keras_cxr._support.text.names import name_bytes
from keras_cxr.data.finding.walk import stem_of

SUFFIX = ".png"
_LONGEST = 180  # bytes of a name without suffix; file systems take 255, temporary names are longer
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def picture_names(files: Sequence[Path], *, taken: Iterable[str] = ()) -> list[str]:
    """Return a file name for each image's picture: `NAME.png` where no other image claims that.

    Images of one folder that differ in their suffix alone keep it (`film.jpg.png`); those of one
    name in several folders get their folders in front (`twin-film.png`). Names differ in more
    than upper and lower case, which some file systems do not tell apart.

    Args:
        files: the images, none twice.
        taken: names that the folder needs for other files.
    """
    used = {name.lower() for name in taken}
    alike = Counter(_in_one_folder(file) for file in files)
    names = []
    for file in files:
        base = file.name if alike[_in_one_folder(file)] > 1 else stem_of(file.name)
        name = next(name for name in _candidates(file, base) if name.lower() not in used)
        used.add(name.lower())
        names.append(name)
    return names


def _in_one_folder(file: Path) -> tuple[Path, str]:
    return file.parent, stem_of(file.name).lower()


def _candidates(file: Path, base: str) -> Iterable[str]:
    name = base
    yield _fit(name)
    for parent in reversed(file.absolute().parts[1:-1]):
        name = f"{parent}-{name}"
        yield _fit(name)
    number = 1
    while True:
        number += 1
        yield _fit(f"{base}-{number}")


def _fit(name: str) -> str:
    """Return the name as any file system and page takes it, with a hash where it had to be cut."""
    clean = _UNFIT.sub("_", name)
    if len(clean.encode()) > _LONGEST:
        digest = hashlib.sha256(name_bytes(name)).hexdigest()[:8]
        clean = f"{clean.encode()[:_LONGEST].decode(errors='ignore')}-{digest}"
    return clean + SUFFIX
