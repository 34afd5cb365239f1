"""The course's plotting style: `from autograder.plots import plt` is matplotlib's pyplot, legible on light and dark themes."""

import matplotlib.pyplot as plt
from cycler import cycler

# Hues that keep their contrast on white and on JupyterLab's dark grey.
COLOURS = ["#3b82c4", "#e07b39", "#3fa66b", "#c75d8a", "#8d79c9", "#a38b2d"]
INK = "#868c96"
# IPython has JupyterLab put a box behind a transparent figure whose tick labels are all light, or all dark: INK is light, this is dark.
DARKER_INK = "#7a8089"

plt.rcParams.update(
    {
        "figure.figsize": (6.0, 3.4),
        "figure.dpi": 96,
        "figure.facecolor": "none",
        "figure.constrained_layout.use": True,
        "savefig.facecolor": "none",
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlesize": "medium",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.grid": False,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": DARKER_INK,
        "legend.frameon": False,
        "image.cmap": "viridis",
        "lines.linewidth": 1.8,
    }
)

__all__ = ["COLOURS", "INK", "plt"]
