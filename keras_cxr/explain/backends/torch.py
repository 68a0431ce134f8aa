"""PyTorch: autograd from the layer, cut off from what lies before it, to the score."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.backends import checked_scores, no_gradient
from keras_cxr.keras_graph.replay import Replay


def compile_gradient(replay: Replay, image_shape: tuple[int | None, ...]) -> Any:
    """Return what `keras_cxr.explain.backends` describes; PyTorch runs it eagerly.

    Nothing before the layer is recorded, and no parameter's `.grad` is written.
    """
    import torch

    def watch(output: Any) -> Any:
        torch.set_grad_enabled(True)  # until the end of `no_grad` below
        return output.detach().requires_grad_()

    def gradient(images: NDArray[np.float32], class_index: NDArray[np.int32]) -> Any:
        # The scope drops what layers would write to variables: the model stays as it is. A caller
        # may be in inference mode, in which nothing can be differentiated.
        with keras.StatelessScope(), torch.inference_mode(False), torch.no_grad():
            scores, activations = replay(keras.ops.convert_to_tensor(images), watch)
            scores = checked_scores(replay, scores).float()
            index = torch.as_tensor(class_index, device=scores.device).long()
            chosen = torch.where(index < 0, scores.argmax(-1), index)
            score = scores.gather(1, chosen[:, None]).sum()
            if not score.requires_grad:
                raise no_gradient(replay)
            (gradients,) = torch.autograd.grad(score, activations, allow_unused=True)
        if gradients is None:
            raise no_gradient(replay)
        results = scores, chosen.int(), activations.float(), gradients.float()
        return tuple(part.detach().cpu().numpy() for part in results)

    return gradient


def compile_scores(replay: Replay, image_shape: tuple[int | None, ...]) -> Any:
    """Return the function of the scores alone; PyTorch runs it eagerly."""
    import torch

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with keras.StatelessScope(), torch.no_grad():
            found = replay.scores(keras.ops.convert_to_tensor(images))
            return np.asarray(found.float().cpu().numpy())

    return scores
