"""A figure of how the probability falls and rises while a map's hottest pixels change."""

from matplotlib.figure import Figure

from keras_cxr.explain.faithfulness.measures import METHOD
from keras_cxr.explain.faithfulness.report import Faithfulness

# of Okabe & Ito 2008, told apart with every kind of colour vision; the method in black
COLORS = {
    METHOD: "#000000",
    "random": "#999999",
    "image": "#0072B2",
    "centre": "#D55E00",
    "edges": "#009E73",
}


def plot_curves(faithfulness: Faithfulness, *, title: str = "") -> Figure:
    """Draw deletion (left) and insertion (right): the method's mean curve and the controls'.

    A map that finds what the model uses lies lowest on the left and highest on the right. The
    areas under the curves are those of the table; the figure shows no intervals.

    Args:
        faithfulness: what `check_faithfulness` returned.
        title: printed above both.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import GradCAM, build_lenet5
        >>> from keras_cxr.explain import check_faithfulness, plot_curves
        >>> images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 1))
        >>> found = check_faithfulness(GradCAM(build_lenet5((32, 32, 1), 2)), images, steps=4)
        >>> len(plot_curves(found).axes)
        2
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (kind, curves) in zip(
        figure.subplots(1, 2), faithfulness.curves.items(), strict=True
    ):
        for name, values in curves.items():
            label = faithfulness.title if name == METHOD else name
            width = 2.2 if name == METHOD else 1.2
            axes.plot(faithfulness.fractions, values, color=COLORS[name], lw=width, label=label)
        changed = "replaced" if kind == "deletion" else "shown"
        axes.set(xlabel=f"share of the pixels {changed}", ylabel="probability of the class")
        axes.set(title=kind.capitalize(), xlim=(0, 1), ylim=(0, 1.02))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[1].legend(frameon=False)
    if title:
        figure.suptitle(title)
    return figure
