"""Arrays: what their axes mean, how they are made, and how parts of them are taken."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Num, Shaped
from numpy import ndarray
from numpy.random import Generator

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

# ---- axis_roles ------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.1"], shares={"no axes": 0.1})
def axis_roles(shape: tuple[int, ...], layout: str) -> dict[str, int]:
    """The size of every axis, under its letter.

    `layout` has one letter for each axis, in the order of the axes, and no letter twice. For the
    shape (427, 640, 3) and the layout "HWC" the answer is {"H": 427, "W": 640, "C": 3}. A single
    number has no axes: its shape is () and its layout "".
    """
    return dict(zip(layout, shape, strict=True))


LAYOUTS = ["NCHW", "NHWC", "CHW", "HWC", "NTHWC", "NTCHW"]


def sizes(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Different sizes, in random order."""
    return tuple(int(size) for size in rng.choice([2, 3, 5, 7, 11, 13, 17, 19, 23], size=n, replace=False))


@cases(axis_roles)
def visible_axis_roles(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a colour picture", (427, 640, 3), "HWC")
    yield Case("a batch for PyTorch", (32, 3, 224, 192), "NCHW")
    yield Case("samples and features", (150, 4), "ND")
    yield Case("a single number", (), "", group="no axes", hint="A single number has no axes, so the dictionary is empty.")


@cases(axis_roles, hidden=True)
def hidden_axis_roles(rng: np.random.Generator) -> Iterator[Case]:
    for label, layout in [("a picture", "WCH"), ("a batch", "NHWC"), ("videos", "NTHWC"), ("a vector", "D")]:
        yield Case(label, sizes(rng, len(layout)), layout)
    size = int(rng.integers(29, 99))
    yield Case("a square picture", (size, size, 3), "HWC")
    yield Case("one grey picture", (1, 1, *sizes(rng, 2)), "NCHW")
    yield Case("a single number", (), "", group="no axes", hint="A single number has no axes, so the dictionary is empty.")


@mistakes(
    axis_roles,
    positions="Your numbers say which axis it is (0, 1, 2, …). What is wanted is how long that axis is.",
    the_other_way_round="You look letters up by sizes. The letters are the keys and the sizes the values.",
    always_nhwc="You do not look at `layout`: your letters are always N, H, W, C. Which letter an axis has is what the layout says.",
    sorted_letters="You hand the sizes out in the order of the alphabet. Letter k of the layout belongs to axis k.",
    reversed_axes="You pair the letters with the sizes from the other end. The first letter belongs to the first axis.",
    width_first="You swap height and width: H is the height, which is the number of rows, and W the width, the number of columns.",
    first_left_out="The first axis is missing. It counts like every other one, a batch as well.",
    last_left_out="The last axis is missing. Does a loop end too early?",
    ones_left_out="Axes of size 1 are missing. They are axes too: a batch of one picture is a batch.",
    found_by_size="Where two axes are equally long you lose one, perhaps because you look for the size with `index`, which finds the first. Go by the position.",
    pairs="You return a list of pairs. A dictionary is wanted: `dict(...)` makes one of them.",
)
def axis_roles_with(made: Made, shape: tuple[int, ...], layout: str) -> Any:
    letters = list("NHWC"[: len(shape)] + "?" * (len(shape) - 4)) if made.always_nhwc else list(layout)
    if made.sorted_letters:
        letters = sorted(letters)
    if made.width_first:
        letters = [{"H": "W", "W": "H"}.get(letter, letter) for letter in letters]
    numbers = shape[::-1] if made.reversed_axes else shape
    if made.positions:
        numbers = tuple(range(len(shape)))
    if made.the_other_way_round:
        return {str(size): letter for letter, size in zip(letters, numbers, strict=True)}
    pairs = list(zip(letters, numbers, strict=True))
    if made.first_left_out or made.last_left_out:
        pairs = pairs[1:] if made.first_left_out else pairs[:-1]
    if made.ones_left_out:
        pairs = [(letter, size) for letter, size in pairs if size != 1]
    if made.found_by_size:
        pairs = [(letters[numbers.index(size)], size) for _, size in pairs]
    return pairs if made.pairs else dict(pairs)


# ---- find_layout -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.1"])
def find_layout(picture: Num[ndarray, "a b c"], down: int, right: int, channel: int) -> str:
    """The letters of the three axes, in their order: "HWC" for height, width, channels.

    In `picture` every number is 0 but one. This one belongs to the pixel that lies `down` pixels
    below the top row and `right` pixels to the right of the leftmost column, and to the channel
    number `channel`; all three count from 0, and they are three different numbers.
    """
    found = np.argwhere(picture)[0].tolist()
    letter = {down: "H", right: "W", channel: "C"}
    return "".join(letter[index] for index in found)


ORDERS = ["".join(letters) for letters in itertools.permutations("HWC")]


def lit(rng: np.random.Generator, layout: str, height: int, width: int, channels: int, value: float | None = None) -> tuple[ndarray, int, int, int]:
    """A dark picture in this layout with one number that is not 0, and where that is."""
    while True:
        down, right, channel = (int(rng.integers(size)) for size in (height, width, channels))
        if len({down, right, channel}) == 3:
            break
    size, index = {"H": height, "W": width, "C": channels}, {"H": down, "W": right, "C": channel}
    picture = np.zeros([size[letter] for letter in layout])
    picture[tuple(index[letter] for letter in layout)] = rng.uniform(0.2, 1) if value is None else value
    return picture, down, right, channel


equivalent(
    find_layout,
    {
        "found = np.argwhere(picture)[-1].tolist()": "Only one number is not 0, so the first is the last.",
    },
)


@cases(find_layout)
def visible_find_layout(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("channels first", *lit(rng, "CHW", 5, 7, 3, 1.0))
    yield Case("width first", *lit(rng, "WHC", 5, 7, 3, 1.0))
    yield Case("a tall picture with many channels", *lit(rng, "HWC", 7, 3, 11))


@cases(find_layout, hidden=True)
def hidden_find_layout(rng: np.random.Generator) -> Iterator[Case]:
    shapes = [(5, 7, 3), (11, 5, 3), (3, 5, 7), (7, 11, 13), (5, 5, 5), (2, 13, 3)]
    for layout, k in zip(ORDERS, rng.permutation(len(shapes)), strict=True):
        yield Case("a dark picture", *lit(rng, layout, *shapes[k]))
    yield Case("another picture", *lit(rng, ORDERS[rng.integers(len(ORDERS))], 11, 13, 5, -1.0))


@mistakes(
    find_layout,
    down_is_width="You swap height and width. Going down a picture you walk along its height, and going right along its width.",
    inverse="You answer where each letter belongs, but put the letters where the axes are (or the other way round). Letter k of the answer is that of axis k.",
    always_hwc="Your answer is always the same layout. Find out where the number that is not 0 lies: its index along each axis tells which axis that is.",
    from_sizes="You go by the sizes: the shortest axis for the channels, the longest for the width. Pictures may be tall, and may have many channels.",
    from_the_end="You write the letters from the last axis to the first. The first letter belongs to axis 0.",
    height_before_width="You find the channels, and suppose that height comes before width. The picture says whether it does.",
    width_before_height="You find the channels, and suppose that width comes before height. The picture says whether it does.",
    small_letters="The letters are right, but they are small ones. The answer is in capitals.",
    letters_apart="The letters are right, but they come in a list. One string is wanted: `''.join(...)` puts them together.",
    positions="You return numbers. The answer is a string with the letters H, W and C.",
    bright_only="You look for a number above 0, or for the largest one. What is promised is that all others are 0, and this one may be below 0.",
)
def find_layout_with(made: Made, picture: ndarray, down: int, right: int, channel: int) -> Any:
    found = np.argwhere(picture > 0 if made.bright_only else picture)[0].tolist()
    place = {"H": right, "W": down, "C": channel} if made.down_is_width else {"H": down, "W": right, "C": channel}
    if made.always_hwc:
        return "HWC"
    if made.from_sizes:
        order = np.argsort(np.argsort(picture.shape, kind="stable"), kind="stable")
        return "".join("CHW"[k] for k in order)
    if made.height_before_width or made.width_before_height:
        others = iter("HW" if made.height_before_width else "WH")
        return "".join("C" if index == channel else next(others) for index in found)
    if made.inverse:
        return "".join("HWC"[list(found).index(place[letter])] for letter in "HWC")
    letters = [next((letter for letter in "HWC" if place[letter] == index), "?") for index in found]
    if made.positions:
        return [found.index(place[letter]) for letter in "HWC"]
    if made.letters_apart:
        return letters
    layout = "".join(letters[::-1] if made.from_the_end else letters)
    return layout.lower() if made.small_letters else layout


# ---- to_nchw ---------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.1"], shares={"whole numbers": 0.1}, without=["integers"])
def to_nchw(batch: Num[ndarray, "n h w c"]) -> Num[ndarray, "n c h w"]:
    """The same pictures with their channels before height and width, as PyTorch has them.

    The numbers stay what they are: whole numbers stay whole numbers.
    """
    return batch.transpose(0, 3, 1, 2)


def bytes_of(rng: np.random.Generator, *shape: int) -> ndarray:
    """Pixels as they come from a file: whole numbers from 0 to 255."""
    return rng.integers(0, 256, size=shape, dtype=np.uint8)


WHOLE = "Whole numbers in, whole numbers out: a new array is made with the dtype of the old one."


@cases(to_nchw)
def visible_to_nchw(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two small pictures by hand", np.arange(12.0).reshape(2, 1, 2, 3))
    yield Case("2 colour pictures of 5 × 7 pixels", rng.random((2, 5, 7, 3)))
    yield Case("pictures of bytes", bytes_of(rng, 2, 3, 5, 3), group="whole numbers")


@cases(to_nchw, hidden=True)
def hidden_to_nchw(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 pictures", rng.normal(size=(5, 3, 7, 2)))
    yield Case("tall pictures", rng.normal(size=(3, 11, 5, 2)))
    yield Case("pictures of bytes", bytes_of(rng, 3, 7, 5, 2), group="whole numbers", hint=WHOLE)
    yield Case("a single picture", rng.normal(size=(1, 5, 3, 7)))
    yield Case("grey pictures", rng.normal(size=(3, 5, 7, 1)))
    yield Case("all sizes alike", rng.normal(size=(3, 3, 3, 3)))


@mistakes(
    to_nchw,
    reshaped="The shape is right and the pictures are torn apart: `reshape` keeps the numbers in their order and only cuts them into rows anew. Swap axes with `transpose`.",
    height_and_width_swapped="Your channels are in front, but width comes before height: the pictures lie on their side. That also happens if you just swap the axes of height and channels.",
    channels_before_batch="Your channels stand before the batch: C, N, H, W. The batch stays in front.",
    all_reversed="You reverse all axes, as `.T` does: C, W, H, N. The batch stays in front, and height stays before width.",
    the_way_back="You go the other way, as if the batch were N, C, H, W already and should become N, H, W, C. Position k of `transpose` says which of the old axes comes there.",
    width_and_channels_swapped="You swap two axes only, width and channels, and get N, H, C, W. The channels come before the height as well.",
    unchanged_layout="Your answer is still N, H, W, C.",
    batch_lost="A batch of one picture has lost its first axis. It is a batch all the same, of size 1; `squeeze` takes every axis of size 1 away.",
    first_picture_only="Only the first picture is right: is every picture of the batch written into the result?",
    channels_reversed="Your channels come in reversed order, as if red and blue were swapped. Their order stays.",
    divided_by_255="You divide by 255, as some libraries do at this point. The numbers stay what they are.",
    as_floats="The values are right, but whole numbers have become floats. A new array made with `np.zeros` is float64 unless you say `dtype`.",
)
def to_nchw_with(made: Made, batch: ndarray) -> ndarray:
    n, h, w, c = batch.shape
    if made.reshaped:
        return batch.reshape(n, c, h, w)
    order = (0, 3, 1, 2)
    if made.height_and_width_swapped:
        order = (0, 3, 2, 1)
    if made.channels_before_batch:
        order = (3, 0, 1, 2)
    if made.all_reversed:
        order = (3, 2, 1, 0)
    if made.the_way_back:
        order = (0, 2, 3, 1)
    if made.width_and_channels_swapped:
        order = (0, 1, 3, 2)
    if made.unchanged_layout:
        order = (0, 1, 2, 3)
    result = batch.transpose(order)
    if made.batch_lost:
        return result[0] if n == 1 else result
    if made.first_picture_only:
        result = np.concatenate([result[:1], 0 * result[1:]])
    if made.channels_reversed:
        result = result[:, ::-1]
    if made.divided_by_255:
        return result / 255
    return result.astype(np.result_type(batch, np.float16)) if made.as_floats else result


# ---- make_array ------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.2"], shares={"no axes": 0.1})
def make_array(shape: tuple[int, ...], dtype: str, fill: float | str, rng: Generator, scale: float = 1.0) -> Shaped[ndarray, "*shape"]:
    """A new array of this shape and dtype ("float32", "int64", ...).

    If `fill` is a number, it stands in every place. If it is "normal", every place holds a draw
    of its own from the normal distribution with mean 0 and standard deviation `scale`; if it is
    "uniform", one that lies anywhere between -`scale` and `scale` with equal chance. All draws
    come from `rng`. The shape () makes an array without axes, which holds a single number.
    """
    if fill == "normal":
        return rng.normal(0.0, scale, shape).astype(dtype)
    if fill == "uniform":
        return rng.uniform(-scale, scale, shape).astype(dtype)
    return np.full(shape, fill, dtype)


@probe(make_array)
def made_three_times(answer, shape, dtype, fill, seed, scale=None):  # type: ignore[no-untyped-def]
    """The array, and what two more generators give: one with the same seed, one with another."""
    import numpy as np

    arrays = []
    for used in [seed, seed, seed + 1] if isinstance(fill, str) else [seed]:
        rng = np.random.default_rng(used)
        array = answer(shape, dtype, fill, rng) if scale is None else answer(shape, dtype, fill, rng, scale)
        arrays.append(np.asarray(array) if isinstance(array, float | np.generic) else array)
    if len(arrays) == 1:
        return {"array": arrays[0]}
    return {"array": arrays[0], "same seed": np.ravel(arrays[1])[:5], "other seed": np.ravel(arrays[2])[:5]}


@verify(make_array, unique=False)
def as_ordered(answer, shape, dtype, fill, seed, scale=None):  # type: ignore[no-untyped-def]
    """Statistics within 6 standard errors: of a hundred million right answers one fails, or two."""
    import numpy as np

    array, scale = answer["array"], 1.0 if scale is None else scale
    if str(array.dtype) != dtype:
        return "The dtype of your array is not the one that was asked for."
    if not isinstance(fill, str):
        return None if (array == np.array(fill, dtype)).all() else "Where `fill` is a number, this number stands in every place."
    numbers = array.ravel().astype(float)
    n = len(numbers)
    if not np.isfinite(numbers).all():
        return "Some of your numbers are NaN or infinite."
    if not np.array_equal(answer["same seed"], array.ravel()[:5]):
        return "Two generators with the same seed should give the same array. Draw from `rng`, which is passed in, and from nothing else."
    if np.array_equal(answer["other seed"], answer["same seed"]):
        return "Another generator gives the same array. Draw from `rng`, which is passed in."
    if len(np.unique(numbers)) < 0.9 * n:
        return "Numbers occur several times. Every place holds a draw of its own."
    if n < 1000:
        return None
    normal = fill == "normal"
    std = scale if normal else scale / 3**0.5
    if not normal and abs(numbers).max() > scale * (1 + 1e-6):
        return "Some of your uniform numbers do not lie between -scale and scale."
    if abs(numbers.mean()) > 6 * std / n**0.5:
        return "The mean of your numbers is too far from 0 to be chance."
    if abs(numbers.std() / std - 1) > 6 * (0.5 if normal else 0.2) ** 0.5 / n**0.5:
        return "The spread of your numbers is not the right one."
    share = 0.682689 if normal else 3**-0.5
    if abs((abs(numbers) < std).mean() - share) > 6 * (share * (1 - share) / n) ** 0.5:
        return "Mean and spread are right, the distribution is not."
    return None


def seed_from(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


@cases(make_array)
def visible_make_array(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2.5 in every place", (2, 3), "float32", 2.5, seed_from(rng))
    yield Case("whole numbers", (5,), "int64", 7, seed_from(rng))
    yield Case("normal, standard deviation 0.25", (29, 37), "float64", "normal", seed_from(rng), 0.25)
    yield Case("uniform from -3 to 3", (37, 31), "float32", "uniform", seed_from(rng), 3.0)


@cases(make_array, hidden=True)
def hidden_make_array(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a number, and a scale", (3, 5, 2), "float64", round(float(rng.uniform(1, 9)), 2) + 0.003, seed_from(rng), 5.0)
    yield Case("whole numbers", (7, 2), "int32", int(rng.integers(2, 99)), seed_from(rng))
    yield Case("normal, of small spread", (101, 103), "float32", "normal", seed_from(rng), round(float(rng.uniform(0.1, 0.4)), 3))
    yield Case("normal, of large spread", (11, 13, 17), "float64", "normal", seed_from(rng), round(float(rng.uniform(2, 5)), 3))
    yield Case("uniform, of small spread", (103, 97), "float64", "uniform", seed_from(rng), round(float(rng.uniform(0.1, 0.4)), 3))
    yield Case("uniform, no scale given", (10007,), "float32", "uniform", seed_from(rng))
    yield Case("normal, no scale given", (89, 113), "float64", "normal", seed_from(rng))
    hint = "The shape () stands for an array without axes, which holds a single number."
    yield Case("a number without axes", (), "float32", 0.5, seed_from(rng), group="no axes", hint=hint)
    yield Case("a draw without axes", (), "float64", "normal", seed_from(rng), group="no axes", hint=hint)


@mistakes(
    make_array,
    dtype_forgotten="Your array is made without the dtype that was asked for; NumPy's default is float64.",
    wrong_precision="Your random numbers stay float64. They need the dtype that was asked for as well: `astype` converts.",
    own_generator="You make a generator of your own. The draws come from `rng`, so that the caller decides about the seed.",
    scale_is_variance="You take `scale` for the variance and draw with its root as standard deviation. Here `scale` is the standard deviation itself.",
    scale_squared="You square `scale`. In N(0, σ²) the second number is the variance, but NumPy's `normal` wants the standard deviation, σ itself.",
    scale_ignored="Your random numbers do not depend on `scale`.",
    uniform_from_zero="Your uniform numbers begin at 0. They lie between -scale and scale.",
    uniform_too_narrow="Your uniform numbers reach only from -scale/2 to scale/2, half as far as they should.",
    uniform_of_that_std="You draw uniform numbers whose standard deviation is `scale`, and so reach too far. They lie between -scale and scale.",
    swapped="You have swapped the two distributions: normal numbers come in place of uniform ones, and the other way round.",
    normal_cut_off="You clip the normal numbers at ±scale. They may lie outside, and about a third of them does.",
    fraction_lost="The fraction of `fill` is lost: an array of whole numbers, or `int(fill)`, cuts it off. Make the array with its dtype first.",
    number_scaled="You multiply `fill` by `scale`. A number is written as it is; `scale` is about random draws.",
    one_draw_for_all="You draw once and write the same number everywhere. Pass the shape to the generator, and it draws for every place.",
    rows_alike="You draw one row and repeat it. Every place holds a draw of its own.",
    flattened="Your array has a single axis. It should have the shape that was asked for.",
    shape_reversed="Your axes come in reversed order. The shape is used as it is.",
    never_negative="Your random numbers are never negative. Both distributions are symmetric about 0.",
)
def make_array_with(made: Made, shape: tuple[int, ...], dtype: str, fill: float | str, rng: Generator, scale: float = 1.0) -> ndarray:
    if made.shape_reversed:
        shape = shape[::-1]
    if not isinstance(fill, str):
        number = fill * scale if made.number_scaled else int(fill) if made.fraction_lost else fill
        array = np.full(shape, float(number)) if made.dtype_forgotten else np.full(shape, number, dtype)
        return array.ravel() if made.flattened else array
    if made.own_generator:
        rng = np.random.default_rng(0)
    normal = (fill == "normal") != made.swapped
    s = scale**0.5 if made.scale_is_variance and normal else scale**2 if made.scale_squared and normal else 1.0 if made.scale_ignored else scale
    size = () if made.one_draw_for_all else shape[1:] if made.rows_alike else shape
    if normal:
        drawn = np.asarray(rng.normal(0, s, size))
        drawn = drawn.clip(-s, s) if made.normal_cut_off else drawn
    else:
        half = s / 2 if made.uniform_too_narrow else s * 3**0.5 if made.uniform_of_that_std else s
        drawn = np.asarray(rng.uniform(0 if made.uniform_from_zero else -half, half, size))
    drawn = np.broadcast_to(np.abs(drawn) if made.never_negative else drawn, shape)
    drawn = drawn.ravel() if made.flattened else drawn
    return drawn.copy() if made.dtype_forgotten or made.wrong_precision else drawn.astype(dtype)


# ---- select ----------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.3"], shares={"views": 0.3})
def select(x: Num[ndarray, "rows columns"]) -> tuple[float, ndarray, ndarray, ndarray, ndarray]:
    """Five parts of x, whose rows and columns count from 0:

    the element in row 1 and column 2; row 1; column 1; the block of rows 1 and 2 without column
    0; and the coarse picture of every third row and every second column, beginning with row 0
    and column 0. Row and column have one axis each, block and coarse picture have two. These
    four are views, which share their memory with x: when x changes, so do they.
    """
    return x[1, 2], x[1, :], x[:, 1], x[1:3, 1:], x[::3, ::2]


@probe(select)
def parts_of_x(answer, x, negated_later=False):  # type: ignore[no-untyped-def]
    """The parts; or what they are after the sign of every number in x has changed."""
    import numpy as np

    parts = answer(x)
    if not negated_later or not isinstance(parts, list | tuple):
        return parts
    before = x.copy()
    x[...] = -before
    after = tuple(part.copy() if isinstance(part, np.ndarray) and part.ndim else part for part in parts)
    x[...] = before
    return after


@cases(select)
def visible_select(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 × 5 numbers, counted", 10.0 * np.arange(7)[:, None] + np.arange(5))
    yield Case("4 × 3 numbers", rng.normal(size=(4, 3)))
    yield Case("x is negated later", rng.normal(size=(5, 4)), negated_later=True, group="views")


@cases(select, hidden=True)
def hidden_select(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 rows, 5 columns", rng.normal(size=(7, 5)))
    yield Case("3 rows, 13 columns", rng.normal(size=(3, 13)))
    yield Case("whole numbers", rng.integers(-99, 99, size=(11, 7)))
    yield Case("a square", rng.normal(size=(5, 5)))
    yield Case("a larger square", rng.normal(size=(13, 13)))
    yield Case("x is negated later", rng.normal(size=(7, 5)), negated_later=True, group="views", hint=NO_VIEWS)
    yield Case("a square is negated later", rng.normal(size=(5, 5)), negated_later=True, group="views", hint=NO_VIEWS)


NO_VIEWS = (
    "The parts are right, but they do not change when x changes: they are copies, at least in part."
    " Slices such as `a:b` give views; lists of positions, `.copy()`, `np.array(...)` and new arrays do not."
)


@mistakes(
    select,
    copies=NO_VIEWS,
    counts_from_one="You count rows and columns from 1. They count from 0, so row 1 is the second one.",
    row_and_column_swapped="In the element you give the column first. The first index is the row, the second the column.",
    row_is_column="Row and column are swapped: in your row the second index is fixed, in your column the first.",
    column_is_row="In place of column 1 you return row 1. With a comma, the first place chooses rows and the second columns, and a lone `:` means all of them.",
    two_rows="In place of the element you return two whole rows: with a list of positions, as in `x[[1, 2]]`, both are rows. Row and column are separated by a comma.",
    block_ends_early="Your block lacks its last row. The end of a slice is not included: rows 1 and 2 end at 3.",
    block_ends_late="Your block has a row too many. The end of a slice is not included, so it is one more than the last row.",
    block_from_zero="Your block begins with row 0. It holds the rows 1 and 2.",
    block_keeps_column_0="Your block still has column 0.",
    block_loses_last_column="Your block lacks the last column: `:-1` leaves out the last one, and column 0 is what goes.",
    chained="Two pairs of brackets one after the other both choose rows: the second pair works on what the first has left. Row and column go into one pair, with a comma.",
    steps_swapped="The steps of your coarse picture are swapped: every third row, every second column.",
    coarse_starts_late="Your coarse picture begins with row 1 and column 1 (or later). It begins with row 0 and column 0.",
    same_step="Your coarse picture takes the same step along rows and columns.",
    coarse_corner="In place of the coarse picture you return the first 3 rows and 2 columns. `a:b:c` means from a to b in steps of c: a step stands after the second colon.",
    row_with_two_axes="Your row and your column still have two axes. An index takes its axis away, while a slice of length 1 keeps it.",
)
def select_with(made: Made, x: ndarray) -> Any:
    element = x[1, 2]
    row, column = x[1], x[:, 1]
    block, coarse = x[1:3, 1:], x[::3, ::2]
    if made.counts_from_one:
        element, row, column, block = x[0, 1], x[0], x[:, 0], x[:2, :]
    if made.row_and_column_swapped:
        element = x[2, 1]
    if made.row_is_column:
        row, column = column, row
    if made.column_is_row:
        column = x[1]
    if made.two_rows:
        element = x[[1, 2]]
    if made.block_ends_early:
        block = x[1:2, 1:]
    if made.block_ends_late:
        block = x[1:4, 1:]
    if made.block_from_zero:
        block = x[0:3, 1:]
    if made.block_keeps_column_0:
        block = x[1:3]
    if made.block_loses_last_column:
        block = x[1:3, :-1]
    if made.chained:
        element, column, block, coarse = x[1][2], x[:][1], x[1:3][1:], x[::3][::2]
    if made.steps_swapped:
        coarse = x[::2, ::3]
    if made.coarse_starts_late:
        coarse = x[1::3, 1::2]
    if made.same_step:
        coarse = x[::3, ::3]
    if made.coarse_corner:
        coarse = x[:3, :2]
    if made.row_with_two_axes:
        row, column = x[1:2], x[:, 1:2]
    parts = (element, row, column, block, coarse)
    return tuple(part.copy() for part in parts) if made.copies else parts


# ---- contact_sheet ---------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.1", "1.3"], shares={"last row not full": 0.2, "whole numbers": 0.1}, without=["integers"])
def contact_sheet(pictures: Num[ndarray, "n h w"], columns: int) -> Num[ndarray, "height width"]:
    """All pictures on one large one, in rows from left to right and from top to bottom, as one reads.

    There are `columns` pictures in a row and no gaps between them. Where the last row is not
    full, it is filled up with zeros. The sheet has the pictures' dtype, so that whole numbers
    stay whole numbers.
    """
    n, h, w = pictures.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * h, columns * w), pictures.dtype)
    for k, picture in enumerate(pictures):
        top, left = k // columns * h, k % columns * w
        sheet[top : top + h, left : left + w] = picture
    return sheet


@cases(contact_sheet)
def visible_contact_sheet(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("6 tiny pictures by hand, 3 in a row", np.arange(12.0).reshape(6, 1, 2), 3)
    yield Case("6 pictures of 3 × 5, 2 in a row", rng.normal(size=(6, 3, 5)), 2)
    yield Case("5 pictures, 3 in a row", np.arange(1.0, 31.0).reshape(5, 2, 3), 3, group="last row not full")


@cases(contact_sheet, hidden=True)
def hidden_contact_sheet(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("15 pictures, 5 in a row", rng.normal(size=(15, 2, 3)), 5)
    yield Case("6 pictures, 3 in a row", rng.normal(size=(6, 5, 2)), 3)
    yield Case("pictures of bytes", bytes_of(rng, 6, 5, 2), 3, group="whole numbers", hint=WHOLE)
    yield Case("one column", rng.normal(size=(3, 5, 7)), 1)
    yield Case("one row", rng.normal(size=(5, 7, 2)), 5)
    yield Case("9 square pictures, 3 in a row", rng.normal(size=(9, 3, 3)), 3)
    hint = "Where the last row is not full, the missing pictures are zeros."
    yield Case("7 pictures, 3 in a row", rng.normal(size=(7, 5, 2)), 3, group="last row not full", hint=hint)
    yield Case("fewer pictures than columns", rng.normal(size=(2, 3, 5)), 7, group="last row not full", hint=hint)


@mistakes(
    contact_sheet,
    reshaped="The shape is right and the pictures are torn apart: `reshape` takes the numbers in their order, one whole picture after the other, while a row of the sheet holds a row of several pictures.",
    down_the_columns="Your pictures run down the columns first. One reads from left to right, and then the next row.",
    rows_and_columns_swapped="`columns` says how many pictures stand side by side. You put as many below each other.",
    pictures_on_their_side="The pictures stand in their places but lie on their side: their height and width are swapped.",
    right_to_left="Each row of your sheet runs from right to left.",
    bottom_to_top="Your rows run from the bottom to the top. Row 0 of a picture is its top row.",
    all_in_one_row="You put all pictures into one row. After `columns` of them a new row begins.",
    all_in_one_column="You put all pictures below each other. Up to `columns` of them stand side by side.",
    starts_at_one="The first place stays empty and all pictures are one place late. Count from 0.",
    edges_lost="The last row and the last column of every picture are missing. The end of a slice is not included, so it is one more than the last position.",
    same_picture="One and the same picture stands in every place.",
    left_over_lost="The pictures of the last row are lost where it is not full. Round the number of rows up, not down.",
    last_row_short="Your code fails where the last row is not full. Zeros stand in its empty places, so the sheet is a rectangle all the same.",
    filled_by_repeating="Where the last row is not full you show the first pictures again. The empty places hold zeros.",
    filled_with_ones="The empty places of the last row hold zeros, not ones.",
    a_row_too_many="Where the last row is full, there is one more that is empty: `n // columns + 1` is one too many then.",
    as_floats="The values are right, but whole numbers have become floats. `np.zeros` makes float64 unless you say `dtype`.",
)
def contact_sheet_with(made: Made, pictures: ndarray, columns: int) -> ndarray:
    if made.pictures_on_their_side:
        pictures = pictures.transpose(0, 2, 1)
    if made.all_in_one_row or made.all_in_one_column:
        return np.concatenate(pictures, axis=1 if made.all_in_one_row else 0)
    n, h, w = pictures.shape
    rows = n // columns if made.left_over_lost else n // columns + 1 if made.a_row_too_many else -(-n // columns)
    if made.rows_and_columns_swapped:
        rows, columns = columns, rows
    places = rows * columns
    if made.last_row_short and n % columns:
        raise ValueError("all the input array dimensions except for the concatenation axis must match exactly")
    if made.filled_by_repeating:
        full = np.resize(pictures, (places, h, w))
    else:
        full = np.full((places, h, w), int(made.filled_with_ones), pictures.dtype)
        full[: min(n, places)] = pictures[:places]
    if made.same_picture:
        full = np.repeat(full[:1], places, axis=0)
    if made.edges_lost:
        full[:, -1], full[:, :, -1] = 0, 0
    if made.starts_at_one:
        full = np.concatenate([0 * full[:1], full[:-1]])
    if made.reshaped:
        return full.reshape(rows * h, columns * w)
    grid = full.reshape(columns, rows, h, w).transpose(1, 0, 2, 3) if made.down_the_columns else full.reshape(rows, columns, h, w)
    if made.right_to_left or made.bottom_to_top:
        grid = grid[:, ::-1] if made.right_to_left else grid[::-1]
    sheet = grid.transpose(0, 2, 1, 3).reshape(rows * h, columns * w)
    return sheet.astype(np.result_type(pictures, np.float16)) if made.as_floats else sheet
