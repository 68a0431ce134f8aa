"""Grad-CAM of one small network in plain NumPy: forward, backward, map. No Keras, no tape."""

import numpy as np


def convolve(x, kernel, bias):
    """Valid convolution and ReLU: (batch, h, w, in) with (kh, kw, in, out)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.maximum(np.einsum("bijcuv,uvco->bijo", windows, kernel) + bias, 0)


def blocks(x):
    """Two by two blocks, the odd border cut off: (batch, h / 2, w / 2, channels, 4)."""
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return x.transpose(0, 1, 3, 5, 2, 4).reshape(batch, height // 2, width // 2, channels, 4)


def grad_cam(weights, images, classes):
    """Raw maps and scores of: conv, pool, conv (explained), pool, dense with ReLU, dense."""
    k1, b1, k2, b2, w1, c1, w2, c2 = (np.asarray(weight, np.float64) for weight in weights)
    pooled = blocks(convolve(images / 127.5 - 1, k1, b1)).max(-1)
    maps = convolve(pooled, k2, b2)
    cells = blocks(maps)
    flat = cells.max(-1).reshape(len(images), -1)
    hidden = np.maximum(flat @ w1 + c1, 0)
    scores = hidden @ w2 + c2
    back = (w2[:, classes].T * (hidden > 0)) @ w1.T  # d score / d flat
    back = back.reshape(cells.shape[:-1])
    # the gradient of a maximum goes to the place of the maximum; its mean is over the whole map
    alpha = back.sum((1, 2)) / (maps.shape[1] * maps.shape[2])
    return np.einsum("bijk,bk->bij", maps, alpha), scores
