"""`Predictions`: what a classifier answers for some pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.text.prediction_tables import PREDICTION_SET, probability_columns
from keras_cxr._support.text.terminal import table_text
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.inference.pictures import BATCH_SIZE, PictureReader
from keras_cxr.runtimes.compiled import CompiledModel

if TYPE_CHECKING:  # another runtime answers without Keras
    import keras

_WIDTH = 80  # characters of a line
_SHOWN = 20  # rows of a table that is shown to people


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers for pictures, in the order in which they were given.

    Iterating gives a dictionary for each answered picture, `len` how many there are. It shows what
    the model computes, not that an answer is right.

    Attributes:
        files: the answered pictures: paths, or `image 0`, `image 1`, … of what has no path.
        class_names: in the order of the columns.
        probabilities: `(pictures, classes)` float64, calibrated where the model is.
        unusual_score: `(pictures,)`, higher is more unusual; None where nothing tells.
        unusual: `(pictures,)` bool: above the score that 95 % of the validation images stay below;
            None where nothing tells.
        narrow: `(pictures,)` bool: uses so little of its range that the model sees it black or
            flat.
        in_set: `(pictures, classes)` bool, the classes of each prediction set; None where the model
            has none.
        failed: the pictures that are not answered, each with the reason.
        notes: what is worth knowing, such as why nothing tells what is unusual.
    """

    files: tuple[str, ...]
    class_names: tuple[str, ...]
    probabilities: NDArray[np.float64]
    unusual_score: NDArray[np.float64] | None
    unusual: NDArray[np.bool_] | None
    narrow: NDArray[np.bool_]
    in_set: NDArray[np.bool_] | None
    failed: dict[str, str]
    notes: tuple[str, ...]
    _answered_by: "keras.Model | CompiledModel" = field(repr=False)
    _reader: PictureReader = field(repr=False)
    _contents: tuple[Any, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def predicted(self) -> tuple[str, ...]:
        """The class with the highest probability, for each picture."""
        return tuple(self.class_names[index] for index in self.probabilities.argmax(axis=1))

    @property
    def prediction_sets(self) -> tuple[tuple[str, ...], ...] | None:
        """The classes of each picture's prediction set; None where the model has none."""
        if self.in_set is None:
            return None
        return tuple(
            tuple(name for name, held in zip(self.class_names, row, strict=True) if held)
            for row in self.in_set
        )

    @property
    def table(self) -> pd.DataFrame:
        """A row for each picture, as `keras-cxr predict --out` writes it; a new one at each access.

        Columns: `file`, `predicted`, the probabilities, named as the classes or
        `probability of NAME` for a class that is called like another column; where they are known
        `prediction_set`, `unusual_score` and `unusual`, and `narrow` where any picture is.
        """
        columns: dict[str, Any] = {"file": list(self.files), "predicted": list(self.predicted)}
        names = probability_columns(self.class_names)
        columns |= dict(zip(names, self.probabilities.T, strict=True))
        table = pd.DataFrame(columns)
        if self.prediction_sets is not None:
            table[PREDICTION_SET] = [" | ".join(names) for names in self.prediction_sets]
        if self.unusual_score is not None:
            table["unusual_score"] = self.unusual_score
            table["unusual"] = self.unusual
        if self.narrow.any():
            table["narrow"] = self.narrow
        return table

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield a dictionary of plain values for each picture.

        Its keys: `file`, `predicted`, `probabilities` by class name, `narrow`, and where they are
        known `prediction_set`, `unusual_score` and `unusual`.
        """
        sets = self.prediction_sets
        for row, (file, predicted) in enumerate(zip(self.files, self.predicted, strict=True)):
            values = self.probabilities[row].tolist()
            found: dict[str, Any] = {
                "file": file,
                "predicted": predicted,
                "probabilities": dict(zip(self.class_names, values, strict=True)),
            }
            if sets is not None:
                found["prediction_set"] = list(sets[row])
            if self.unusual_score is not None and self.unusual is not None:
                found["unusual_score"] = float(self.unusual_score[row])
                found["unusual"] = bool(self.unusual[row])
            yield {**found, "narrow": bool(self.narrow[row])}

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values that JSON holds, without NaN."""
        document = {
            "schema_version": 1,
            "class_names": self.class_names,
            "predictions": list(self),
            "failed": self.failed,
            "notes": self.notes,
        }
        found: dict[str, Any] = as_json(document)
        return found

    def explain(
        self, method: str = "gradcam", *, layer: str | None = None, class_name: str | None = None
    ) -> NDArray[np.float32]:
        """Return a heat map for each answered picture.

        Files are read again; they must still be there. Keras makes the maps, whichever runtime
        answered.

        Args:
            method: a key of `keras_cxr.explain.METHODS`.
            layer: layer to look into; the method's default otherwise.
            class_name: class to explain; the predicted one otherwise.

        Returns:
            `(pictures, height, width)` float32 in [0, 1], in the model's size; all zero where
            nothing spoke for the class.

        Raises:
            InvalidArgumentError: (a ValueError) an unknown method, layer or class.
            NotFoundError: a file is gone.
        """
        if class_name is not None and class_name not in self.class_names:
            raise InvalidArgumentError(
                f"The model has no class {class_name!r}; its classes are "
                f"{', '.join(self.class_names)}."
            )
        from keras_cxr.explain.methods.making import make_method

        model = self._answered_by
        if isinstance(model, CompiledModel):
            model = model.load_keras()
        explainer = make_method(model, method, layer=layer)
        index = None if class_name is None else self.class_names.index(class_name)
        maps = [np.zeros((0, *self._reader.image_size), np.float32)]
        for start in range(0, len(self), BATCH_SIZE):
            held = self._contents[start : start + BATCH_SIZE]
            images = [
                one if isinstance(one, np.ndarray) else self._reader.read(one) for one in held
            ]
            maps.append(explainer(np.stack(images).astype(np.float32), index))
        return np.concatenate(maps)

    def __str__(self) -> str:
        """Return the answers as a table of at most 80 columns, and what could not be answered."""
        table = self.table.drop(columns=["unusual_score"], errors="ignore")
        lines = [table_text(table.head(_SHOWN), width=_WIDTH)] if len(self) else ["No answers."]
        if len(self) > _SHOWN:
            lines.append(f"… and {len(self) - _SHOWN:,} more")
        reasons = list(self.failed.values())
        lines += [f"Not answered: {reason}" for reason in reasons[:_SHOWN]]
        if len(reasons) > _SHOWN:
            lines.append(f"… and {len(reasons) - _SHOWN:,} more that are not answered")
        return "\n".join(lines + [f"Note: {note}" for note in self.notes])


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Return the answers of one model for several batches as one; at least one batch."""
    first = parts[0]

    def column(name: str) -> Any:
        held = getattr(first, name)
        return None if held is None else _fixed(np.concatenate([getattr(p, name) for p in parts]))

    return Predictions(
        tuple(file for part in parts for file in part.files),
        first.class_names,
        column("probabilities"),
        unusual_score=column("unusual_score"),
        unusual=column("unusual"),
        narrow=column("narrow"),
        in_set=column("in_set"),
        failed={name: reason for part in parts for name, reason in part.failed.items()},
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        _answered_by=first._answered_by,
        _reader=first._reader,
        _contents=tuple(one for part in parts for one in part._contents),
    )


def _fixed(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
