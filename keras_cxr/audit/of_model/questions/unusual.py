"""Whether a model notices pictures that are not its kind: real X-rays accepted, planted refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.scores import in_words, interval_of, mean_of
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.outcomes import Outcome, measured, not_measured
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.statistics.intervals.estimates import Estimate

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

Images = NDArray[np.float32]
CHUNK = 64  # images in memory at a time
PLANTED_IMAGES = 200  # of each kind: a share of 0.9 is then known within 0.05


def _inverted(images: Images, rng: np.random.Generator) -> Images:
    return np.asarray(255 - images, np.float32)


def _upside_down(images: Images, rng: np.random.Generator) -> Images:
    return images[:, ::-1, ::-1]


def _on_its_side(images: Images, rng: np.random.Generator) -> Images:
    height, width = images.shape[1:3]
    turned = [
        cv2.resize(np.rot90(image), (width, height)).reshape(images.shape[1:]) for image in images
    ]
    return np.stack(turned).astype(np.float32)


def _noise(images: Images, rng: np.random.Generator) -> Images:
    grey = rng.uniform(0, 255, (*images.shape[:3], 1)).astype(np.float32)
    return np.repeat(grey, images.shape[3], axis=3)


def _blank(images: Images, rng: np.random.Generator) -> Images:
    grey = rng.uniform(0, 255, (len(images), 1, 1, 1)).astype(np.float32)
    return np.broadcast_to(grey, images.shape).copy()


PLANTED: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "inverted X-rays": _inverted,
    "X-rays upside down": _upside_down,
    "X-rays on their side": _on_its_side,
    "noise": _noise,
    "one grey": _blank,
}


@dataclass(frozen=True, eq=False)
class Unusual:
    """What `OutOfDistribution` accepts and refuses for this model.

    Planted pictures are easy ones: that they are refused does not show that an X-ray of another
    hospital, a child among adults or a lateral view would be.

    Attributes:
        accepted: share of real test images that are accepted; 0.95 of validation images are, by
            the choice of the threshold.
        refused: share of planted pictures that are refused, by kind.
        num_images: real test images.
        num_planted: planted pictures of each kind, made from test images where they are X-rays.
    """

    accepted: Estimate
    refused: dict[str, Estimate]
    num_images: int
    num_planted: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is accepted and refused, in one sentence."""
        shares = ", ".join(f"{in_words(share)} of {kind}" for kind, share in self.refused.items())
        sentence = (
            f"Of {self.num_images:,} test images {in_words(self.accepted)} are taken for its kind "
            f"of picture; of {self.num_planted} planted ones of each kind it refuses {shares}."
        )
        return (Finding("unusual", sentence, self.accepted.value, interval_of(self.accepted)),)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it, without NaN."""
        return {
            "accepted": self.accepted.to_dict(),
            "refused": {kind: share.to_dict() for kind, share in self.refused.items()},
            "num_images": self.num_images,
            "num_planted": self.num_planted,
        }


def ask_unusual(subject: AuditedModel) -> Outcome:
    """Return what `measure_unusual` finds, or why the model cannot be asked."""
    try:
        return measured(measure_unusual(subject.model, subject.datasets, seed=subject.seed))
    except InvalidArgumentError as error:
        return not_measured("pictures of another kind", error)


def measure_unusual(model: keras.Model, datasets: "Datasets", *, seed: int = 0) -> Unusual:
    """Return which real and which planted pictures a detector for this model refuses.

    Args:
        model: a trained classifier.
        datasets: what it was trained on: the detector knows its training images, takes its
            threshold from the validation part and is asked about the test part.
        seed: of the planted pictures and of the bootstrap.

    Raises:
        InvalidArgumentError: the model is no graph of layers.
    """
    detector = OutOfDistribution.fit(model, datasets, seed=seed)
    table = datasets.table[datasets.table["part"] == "test"]
    groups = table["group"].to_numpy(str)
    count = len(table)
    unusual = np.concatenate(
        [
            detector.is_unusual(
                datasets.load("test", np.arange(start, min(start + CHUNK, count)))[0]
            )
            for start in range(0, count, CHUNK)
        ]
    )
    rows = np.linspace(0, count - 1, min(count, PLANTED_IMAGES)).round().astype(int)
    images, _ = datasets.load("test", rows)
    rng = np.random.default_rng(seed)
    return Unusual(
        accepted=mean_of(~unusual * 1.0, groups, share=True, seed=seed),
        refused={
            kind: mean_of(
                detector.is_unusual(plant(images, rng)) * 1.0, groups[rows], share=True, seed=seed
            )
            for kind, plant in PLANTED.items()
        },
        num_images=count,
        num_planted=len(rows),
    )
