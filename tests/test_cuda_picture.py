"""Pictures of measured launches: what they say, read back from the figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from autograder.cuda import measure
from autograder.cuda import standin as cp
from autograder.cuda.cost import Cost
from autograder.cuda.picture import NothingToShow, steps, touches
from autograder.plots import COLOURS, INK, plt


@pytest.fixture(autouse=True)
def no_figures_left() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


def cost_of(source: str, grid: Any, block: Any, *arguments: Any) -> Cost:
    with measure() as costs:
        cp.RawKernel(f'extern "C" __global__ void k({source}', "k")(grid, block, arguments)
    return costs[-1]


SHIFT = "const float* x, float* out, int n) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) out[i] = x[(i + 1) % n]; }"
FILL = """float* out, int height, int width) {
    int row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
    if (row < height && column < width) out[row * width + column] = 1;
}"""
SUM = """const float* x, float* out) {
    __shared__ float left[8], right[8];
    int i = threadIdx.x;
    left[i] = x[i];
    right[i] = x[i + 8];
    __syncthreads();
    if (i < 4) left[i] += right[7 - i];
    __syncthreads();
    if (i == 0) out[0] = left[0];
}"""


def labels(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def colours(ax: Axes) -> list[str]:
    return ["none" if patch.get_facecolor()[3] == 0 else to_hex(patch.get_facecolor()) for patch in ax.patches]


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def shift(n: int, block: int, grid: int) -> tuple[Cost, Any, Any]:
    x, out = cp.ones(n, cp.float32), cp.zeros(n, cp.float32)
    return cost_of(SHIFT, (grid,), (block,), x, out, n), x, out


# ---- touches -----------------------------------------------------------------------------------------------------------


def test_each_element_bears_its_thread_and_its_blocks_colour() -> None:
    cost, x, out = shift(7, 4, 2)
    ax = touches(cost, out, writes=True)
    assert labels(ax) == ["0", "1", "2", "3", "0", "1", "2"]
    assert colours(ax) == [COLOURS[0]] * 4 + [COLOURS[1]] * 3
    assert legend(ax.figure) == ["block 0", "block 1"]
    assert ax.get_title() == "who writes out (colour: block, number: thread)"
    assert labels(touches(cost, x)) == ["2", "0", "1", "2", "3", "0", "1"]


def test_what_nobody_touches_is_empty() -> None:
    out = cp.zeros(6, cp.float32)
    ax = touches(cost_of("float* out) { out[2 * threadIdx.x] = 1; }", (1,), (3,), out), out, writes=True)
    assert labels(ax) == ["0", "", "1", "", "2", ""]
    assert colours(ax)[1] == "none"


def test_what_several_threads_touch_bears_a_plus_and_is_grey_where_they_are_of_several_blocks() -> None:
    x, out = cp.ones(2, cp.float32), cp.zeros(6, cp.float32)
    source = "const float* x, float* out) { int i = blockIdx.x * 3 + threadIdx.x; out[i] = x[0] + (blockIdx.x ? 0 : x[1]); }"
    ax = touches(cost_of(source, (2,), (3,), x, out), x)
    assert labels(ax) == ["0+", "0+"]
    assert colours(ax) == [INK, COLOURS[0]]
    assert legend(ax.figure) == ["block 0", "several blocks"]


def test_atomics_read_and_write() -> None:
    x = cp.zeros(3, cp.float32)
    cost = cost_of("float* x) { atomicAdd(&x[threadIdx.x], 1.0f); }", (1,), (3,), x)
    assert labels(touches(cost, x)) == labels(touches(cost, x, writes=True)) == ["0", "1", "2"]


def test_wide_accesses_touch_several_elements() -> None:
    x = cp.zeros(8, cp.float32)
    ax = touches(cost_of("float4* x) { x[threadIdx.x] = make_float4(1, 2, 3, 4); }", (1,), (2,), x), x, writes=True)
    assert labels(ax) == ["0"] * 4 + ["1"] * 4


def test_arrays_of_two_dimensions_and_threads_with_two_numbers() -> None:
    out = cp.zeros((3, 5), cp.float32)
    ax = touches(cost_of(FILL, (2, 2), (4, 2), out, 3, 5), out, writes=True)
    assert labels(ax)[5:10] == ["0,1", "1,1", "2,1", "3,1", "0,1"], "x, then y"
    assert legend(ax.figure) == ["block 0,0", "block 1,0", "block 0,1", "block 1,1"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("column", "row")


def test_a_part_of_an_array() -> None:
    cost, _, out = shift(7, 4, 2)
    assert labels(touches(cost, out[3:6], writes=True)) == ["3", "0", "1"]


def test_long_arrays_are_drawn_in_several_rows() -> None:
    cost, _, out = shift(70, 64, 2)
    ax = touches(cost, out, writes=True)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0 +", "32 +", "64 +"]
    assert len(labels(ax)) == 70


def test_a_picture_may_be_a_part_of_a_figure() -> None:
    cost, x, _ = shift(7, 4, 2)
    figure, axes = plt.subplots(2, 1)
    assert touches(cost, x, ax=axes[0]) is axes[0]
    assert not figure.legends, "two of them would cover each other"


def test_what_cannot_be_drawn_says_why() -> None:
    cost, x, out = shift(7, 4, 2)
    with pytest.raises(NothingToShow, match=r"No thread reads out, .* `writes=True` draws who writes"):
        touches(cost, out)
    with pytest.raises(NothingToShow, match="No thread writes x"):
        touches(cost, x, writes=True)
    large, x, _ = shift(1100, 256, 5)
    with pytest.raises(NothingToShow, match=r"at most 1,024 elements; this one is \(1100,\)"):
        touches(large, x)
    with pytest.raises(TypeError, match="on the device"):
        touches(cost, np.ones(7))


def test_a_launch_that_is_too_large_says_so() -> None:
    out = cp.zeros(8, cp.float32)
    source = "float* out) { for (int k = 0; k < 400; ++k) atomicAdd(&out[threadIdx.x % 8], 1.0f); }"
    with pytest.raises(NothingToShow, match="too much for a picture: more than 200,000 accesses"):
        touches(cost_of(source, (1,), (1024,), out), out)


# ---- steps -------------------------------------------------------------------------------------------------------------


def points(figure: Figure, row: int, column: int, writes: bool = False) -> set[tuple[int, int]]:
    """(thread, element) of the reads (or writes) in one panel."""
    panels = np.array(figure.axes).reshape(figure.axes[0].get_gridspec().get_geometry())
    line = panels[row, column].lines[int(writes)]
    return {(int(thread), int(element)) for element, thread in zip(*line.get_data(), strict=True)}


def sums() -> tuple[Cost, Any, Any]:
    x, out = cp.ones(16, cp.float32), cp.zeros(1, cp.float32)
    return cost_of(SUM, (1,), (8,), x, out), x, out


def test_a_row_for_each_interval_and_a_column_for_each_array() -> None:
    cost, x, out = sums()
    figure = steps(cost, x=x, out=out)
    assert [ax.get_title() for ax in figure.axes[:4]] == ["x", "out", "left (shared)", "right (shared)"]
    assert [ax.get_ylabel() for ax in figure.axes[::4]] == ["before barrier 1\nthread", "after barrier 1\nthread", "after barrier 2\nthread"]


def test_panels_show_who_reads_and_who_writes() -> None:
    cost, x, out = sums()
    figure = steps(cost, x=x, out=out)
    assert points(figure, 0, 0) == {(i, i) for i in range(8)} | {(i, i + 8) for i in range(8)}
    assert points(figure, 0, 2, writes=True) == points(figure, 0, 3, writes=True) == {(i, i) for i in range(8)}
    assert points(figure, 1, 2) == points(figure, 1, 2, writes=True) == {(i, i) for i in range(4)}
    assert points(figure, 1, 3) == {(i, 7 - i) for i in range(4)}
    assert points(figure, 2, 2) == points(figure, 2, 1, writes=True) == {(0, 0)}
    assert points(figure, 2, 0) == points(figure, 0, 1, writes=True) == set()


def test_shared_memory_needs_no_name_and_other_arrays_do() -> None:
    cost, _, _ = sums()
    assert [ax.get_title() for ax in steps(cost).axes[:2]] == ["left (shared)", "right (shared)"]


def test_one_block_of_several() -> None:
    cost, _, out = shift(12, 4, 3)
    assert points(steps(cost, block=2, out=out), 0, 0, writes=True) == {(t, t + 8) for t in range(4)}


def test_many_intervals_are_cut_and_the_figure_says_so() -> None:
    source = "float* out) { __shared__ float s[4]; for (int k = 0; k < 20; ++k) { s[threadIdx.x] = k; __syncthreads(); } out[threadIdx.x] = s[0]; }"
    out = cp.zeros(4, cp.float32)
    figure = steps(cost_of(source, (1,), (4,), out), out=out)
    assert len(figure.axes) == 2 * 12
    assert figure.legends[0].get_title().get_text() == "block 0, the first 12 of 21 intervals"


def test_steps_that_cannot_be_drawn_say_why() -> None:
    cost, x, _ = shift(12, 4, 3)
    with pytest.raises(NothingToShow, match="There is no block 7: the launch had 3"):
        steps(cost, block=7, x=x)
    with pytest.raises(NothingToShow, match="touches none of these arrays, and no shared memory: name some"):
        steps(cost)
    with pytest.raises(NothingToShow, match="none of these arrays, and no shared memory: other"):
        steps(cost, other=cp.zeros(4))


# ---- legible -----------------------------------------------------------------------------------------------------------


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other, and texts that leave the figure."""
    figure.canvas.draw()
    texts = [text for text in figure.findobj(mpl.text.Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in texts if text.get_window_extent().width]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    pairs = [(a, b) for k, (a, box) in enumerate(boxes) for b, other in boxes[:k] if box.padded(-1).overlaps(other.padded(-1))]
    outside = [(a, "the border") for a, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > figure.bbox.x1 or box.y1 > figure.bbox.y1]
    return pairs + outside


@pytest.mark.parametrize(("sides", "grid", "block"), [((3, 5), (2, 2), (4, 2)), ((6, 8), (2, 2), (4, 4)), ((13, 29), (4, 4), (8, 4))])
def test_texts_of_two_dimensions_do_not_overlap(sides: tuple[int, int], grid: Any, block: Any) -> None:
    out = cp.zeros(sides, cp.float32)
    assert overlaps(touches(cost_of(FILL, grid, block, out, *sides), out, writes=True).figure) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("n", "block", "grid"), [(3, 1, 3), (7, 4, 2), (20, 8, 3), (200, 64, 4)])
def test_texts_of_one_dimension_do_not_overlap(n: int, block: int, grid: int) -> None:
    cost, x, _ = shift(n, block, grid)
    assert overlaps(touches(cost, x).figure) == []  # type: ignore[arg-type]


def test_texts_of_steps_do_not_overlap() -> None:
    cost, x, out = sums()
    assert overlaps(steps(cost, x=x, out=out)) == []


def test_tick_labels_are_neither_all_light_nor_all_dark() -> None:
    """Or else JupyterLab would put a box behind the figure: see DARKER_INK in plots.py."""
    cost, x, _ = shift(20, 8, 3)
    for figure in (touches(cost, x).figure, steps(cost, x=x)):
        ticks = [label.get_color() for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels()]
        assert len(set(ticks)) == 2
