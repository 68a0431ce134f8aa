"""What every backend checks in the same words."""

from typing import Any

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.replay import Replay


def checked_scores(replay: Replay, scores: Any) -> Any:
    """Return the scores.

    Raises:
        InvalidArgumentError: They are not (batch, classes).
    """
    if len(scores.shape) != 2:
        raise InvalidArgumentError(
            f"model {replay.model.name!r} gives scores of shape {tuple(scores.shape)}; "
            "a classifier with (batch, classes) can be explained."
        )
    return scores


def no_way(replay: Replay) -> InvalidArgumentError:
    """The error for a layer from which no gradient reaches the scores."""
    if replay.site is None:
        return InvalidArgumentError(
            f"the scores of model {replay.model.name!r} cannot be differentiated with respect to "
            "its images; Occlusion needs no gradient."
        )
    return InvalidArgumentError(
        f"layer {replay.site.path!r} has no differentiable way to the scores of model "
        f"{replay.model.name!r}; choose another layer."
    )
