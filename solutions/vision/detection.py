"""Boxes that overlap: how much (intersection over union), and which of them to keep (non-maximum suppression)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes


def random_boxes(rng: np.random.Generator, n: int, spread: float = 60.0, smallest: float = 8.0, largest: float = 50.0) -> ndarray:
    corner = rng.uniform(0, spread, size=(n, 2))
    return np.concatenate([corner, corner + rng.uniform(smallest, largest, size=(n, 2))], axis=1)


# ---- box_area --------------------------------------------------------------------------------------------------------

FORBIDDEN_AREA = ["torchvision.ops.box_area", "torchvision.ops.boxes.box_area"]


@exercise(points=1, rows=["9.5"], shares={"no area": 0.1, "no boxes": 0.1}, forbid=FORBIDDEN_AREA)
def box_area(boxes: Float[ndarray, "n 4"]) -> Float[ndarray, "n"]:
    """The area of every box (x1, y1, x2, y2), in continuous coordinates with x1 <= x2 and y1 <=
    y2; n may be 0.
    """
    x1, y1, x2, y2 = boxes.T
    area: ndarray = (x2 - x1) * (y2 - y1)
    return area


@cases(box_area)
def visible_box_area(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two boxes by hand", np.array([[1.0, 2, 4, 4], [0, 0, 5, 1]]))
    yield Case("5 boxes", random_boxes(rng, 5))


@cases(box_area, hidden=True)
def hidden_box_area(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 boxes", random_boxes(rng, 7))
    yield Case("4 boxes", random_boxes(rng, 4))
    yield Case("negative coordinates", random_boxes(rng, 3) - 70)
    yield Case("small boxes, between 0 and 1", random_boxes(rng, 5) / 110)
    flat = random_boxes(rng, 3)
    flat[0, 2], flat[1, 3] = flat[0, 0], flat[1, 1]
    yield Case("boxes without width or height", flat, group="no area", hint="A box without width or without height has area 0.")
    yield Case("no boxes", np.zeros((0, 4)), group="no boxes", hint="With no boxes at all the result has shape `(0,)`.")


@mistakes(
    box_area,
    plus_one="You add 1 to the sides, as one does when counting pixels. Coordinates are continuous here: the width is the difference.",
    read_as_xywh="You multiply the last two numbers as if they were width and height. They are the second corner: subtract the first.",
    read_as_xxyy="You read a box as (x1, x2, y1, y2). Its corners stand one after the other: (x1, y1, x2, y2).",
    mixes_axes="You subtract a y from an x. Width is a difference of two x, height a difference of two y.",
    perimeter="You go around the box: that is its perimeter. The area is width times height.",
    sides_added="You add width and height. The area is their product.",
    width_only="You return only the width. The area is width times height.",
    height_only="You return only the height. The area is width times height.",
    diagonal="You return the length of the diagonal. The area is width times height.",
    halved="You return half the area, that of a triangle.",
    negative="Your areas are negative: one of the two differences has its corners swapped.",
    extra_axis="The result has an axis too many: its shape is `(n,)`, one number a box.",
    at_least_one="You make every side at least 1 (or every area at least something). A box without width has area 0.",
    never_zero="You keep areas away from 0 with a small number. A box without width has area exactly 0.",
    raises_for_none="Your code fails when there are no boxes. The result then has shape `(0,)`.",
)
def box_area_with(made: Made, boxes: ndarray) -> ndarray:
    if made.raises_for_none and not len(boxes):
        raise IndexError("index 0 is out of bounds for axis 0 with size 0")
    x1, y1, x2, y2 = boxes[:, [0, 2, 1, 3]].T if made.read_as_xxyy else boxes.T
    width, height = x2 - x1, y2 - y1
    if made.plus_one:
        width, height = width + 1, height + 1
    elif made.read_as_xywh:
        width, height = x2, y2
    elif made.mixes_axes:
        width, height = x2 - y1, y2 - x1
    elif made.at_least_one:
        width, height = width.clip(1), height.clip(1)
    area: ndarray = width * height
    if made.perimeter or made.sides_added:
        area = (width + height) * (2 if made.perimeter else 1)
    elif made.width_only or made.height_only:
        area = width if made.width_only else height
    elif made.diagonal:
        area = np.hypot(width, height)
    elif made.halved or made.negative:
        area = area / 2 if made.halved else -area
    elif made.never_zero:
        area = area.clip(1e-3)
    return area[:, None] if made.extra_axis else area


# ---- intersection ----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["9.5"], shares={"no boxes": 0.1}, forbid=["torchvision.ops.boxes._box_inter_union"])
def intersection(a: Float[ndarray, "n 4"], b: Float[ndarray, "m 4"]) -> Float[ndarray, "n m"]:
    """The area that every box of a shares with every box of b: [i, j] belongs to a[i] and b[j].

    Boxes are (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2; n or m may be 0. Boxes that lie apart
    share the area 0.
    """
    width = np.minimum(a[:, None, 2], b[:, 2]) - np.maximum(a[:, None, 0], b[:, 0])
    height = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1])
    area: ndarray = width.clip(0) * height.clip(0)
    return area


@cases(intersection)
def visible_intersection(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 with 3 boxes by hand", np.array([[0.0, 0, 4, 3], [1, 1, 3, 5]]), np.array([[2.0, 1, 6, 5], [0, 0, 4, 3], [6, 6, 7, 9]]))
    yield Case("5 with 7 boxes", random_boxes(rng, 5), random_boxes(rng, 7))


@cases(intersection, hidden=True)
def hidden_intersection(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many lie apart", random_boxes(rng, 5, spread=200), random_boxes(rng, 11, spread=200))
    yield Case("as many in a as in b", random_boxes(rng, 5), random_boxes(rng, 5))
    yield Case("4 with 4 boxes", random_boxes(rng, 4), random_boxes(rng, 4))
    yield Case("negative coordinates", random_boxes(rng, 7) - 70, random_boxes(rng, 3) - 70)
    yield Case("small boxes, between 0 and 1", random_boxes(rng, 5) / 110, random_boxes(rng, 3) / 110)
    yield Case("inside, touching, at a corner", np.array([[0.0, 0, 7, 5]]), np.array([[1.0, 1, 3, 2], [7, 0, 9, 5], [7, 5, 8, 8]]))
    hint = "With no boxes on one side the result is empty, and still has two axes."
    yield Case("no boxes in a", np.zeros((0, 4)), random_boxes(rng, 3), group="no boxes", hint=hint)
    yield Case("no boxes in b", random_boxes(rng, 3), np.zeros((0, 4)), group="no boxes", hint=hint)


@mistakes(
    intersection,
    no_clip="Boxes that lie apart have a negative overlap in x or y, and two negative numbers have a positive product. Replace negative ones by 0 first.",
    clip_product="You replace a negative product by 0, but two negative overlaps have a positive product. Treat width and height each.",
    absolute="You take absolute values. A negative overlap means that the boxes lie apart: it counts as 0.",
    clip_width_only="You replace a negative width by 0, but not a negative height.",
    clip_height_only="You replace a negative height by 0, but not a negative width.",
    min_max_swapped="Minimum and maximum are swapped. The shared part begins at the larger of the two left edges and ends at the smaller of the two right ones.",
    hull="You return the area of the smallest box around both. The shared part begins at the larger of the left edges and ends at the smaller of the right ones.",
    union="You return the union of the two areas. The intersection is what they share.",
    smaller_area="You return the smaller of the two areas. That is right only when one box lies inside the other.",
    plus_one="You add 1 to the sides, as one does when counting pixels. Coordinates are continuous here.",
    read_as_xywh="You read boxes as (x, y, width, height). They are two corners: (x1, y1, x2, y2).",
    read_as_xxyy="You read boxes as (x1, x2, y1, y2). They are (x1, y1, x2, y2).",
    sides_added="You add width and height of the shared part. Its area is their product.",
    width_only="You return the shared width only. The area needs the height too.",
    elementwise="You compare box k of a with box k of b only. Every box of a meets every box of b: n × m numbers.",
    transposed="Your rows belong to b. Rows belong to a, columns to b: the shape is [n, m].",
    first_of_b="You compare everything with the first box of b only.",
    yes_or_no="You return whether boxes overlap, as 0 and 1. The area is wanted.",
    ratio="You return a ratio already. Here only the shared area is wanted; dividing comes in the next step.",
    raises_for_none="Your code fails when there are no boxes on one side. The result is then empty, and still has two axes.",
    flat_when_none="When there are no boxes in a, your result has the shape of an empty list. It still has two axes: `(0, m)`.",
)
def intersection_with(made: Made, a: ndarray, b: ndarray) -> ndarray:
    if made.raises_for_none and not (len(a) and len(b)):
        raise ValueError("need at least one array to stack")
    if made.flat_when_none and not len(a):
        return np.zeros(0)
    if made.read_as_xywh:
        a, b = (np.concatenate([r[:, :2], r[:, :2] + r[:, 2:]], axis=1) for r in (a, b))
    if made.read_as_xxyy:
        a, b = a[:, [0, 2, 1, 3]], b[:, [0, 2, 1, 3]]
    if made.first_of_b:
        b = np.repeat(b[:1], len(b), axis=0)
    left, right = (a, b) if made.elementwise else (a[:, None], b[None])
    low, high = np.maximum(left[..., :2], right[..., :2]), np.minimum(left[..., 2:], right[..., 2:])
    if made.min_max_swapped:
        low, high = np.minimum(left[..., :2], right[..., :2]), np.maximum(left[..., 2:], right[..., 2:])
        low, high = np.minimum(low, high), np.minimum(left[..., 2:], right[..., 2:])
    width, height = np.moveaxis(high - low, -1, 0) + int(made.plus_one)
    if made.absolute:
        width, height = abs(width), abs(height)
    if not (made.no_clip or made.clip_product or made.clip_height_only):
        width = width.clip(0)
    if not (made.no_clip or made.clip_product or made.clip_width_only):
        height = height.clip(0)
    both: ndarray = width * height
    area_a, area_b = box_area(a)[:, None], box_area(b)[None]
    if made.clip_product:
        both = both.clip(0)
    elif made.sides_added:
        both = width + height
    elif made.width_only:
        both = width
    elif made.hull:
        both = np.prod(np.maximum(left[..., 2:], right[..., 2:]) - np.minimum(left[..., :2], right[..., :2]), axis=-1)
    elif made.union:
        both = area_a + area_b - both
    elif made.smaller_area:
        both = np.minimum(area_a, area_b)
    elif made.yes_or_no:
        both = (both > 0).astype(both.dtype)
    elif made.ratio:
        both = both / (area_a + area_b - both)
    return both.T if made.transposed else both


# ---- iou -------------------------------------------------------------------------------------------------------------

FORBIDDEN_IOU = [
    "torchvision.ops.box_iou",
    "torchvision.ops.boxes.box_iou",
    "torchvision.ops.generalized_box_iou",
    "torchvision.ops.boxes.generalized_box_iou",
    "torchvision.ops.boxes._box_inter_union",
]


@exercise(
    points=2,
    rows=["9.5"],
    shares={"no area": 0.2, "small boxes": 0.1, "no boxes": 0.1},
    forbid=FORBIDDEN_IOU,
    tolerance=10,  # a constant of 1e-8 that keeps the union from 0 is no mistake
)
def iou(a: Num[ndarray, "n 4"], b: Num[ndarray, "m 4"]) -> Float[ndarray, "n m"]:
    """Intersection over union of every box of a with every box of b: [i, j] belongs to a[i] and
    b[j].

    Boxes are (x1, y1, x2, y2) in continuous coordinates, with x1 <= x2 and y1 <= y2: pixels, or
    parts of the image between 0 and 1. A box without area has IoU 0 with everything, also with
    itself. n or m may be 0.
    """
    both = intersection(a, b)
    union = box_area(a)[:, None] + box_area(b) - both
    return both / np.where(both > 0, union, 1)


equivalent(
    iou,
    {
        "return both / np.where(both > 0, union, 2)": "Where nothing is shared, 0 is divided, by whatever it may be.",
    },
)


@cases(iou)
def visible_iou(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 with 3 boxes by hand", np.array([[0.0, 0, 4, 3], [1, 1, 3, 5]]), np.array([[2.0, 1, 6, 5], [0, 0, 4, 3], [6, 6, 7, 9]]))
    yield Case("5 with 7 boxes", random_boxes(rng, 5), random_boxes(rng, 7))


@cases(iou, hidden=True)
def hidden_iou(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many lie apart", random_boxes(rng, 5, spread=200), random_boxes(rng, 11, spread=200))
    yield Case("as many in a as in b", random_boxes(rng, 5), random_boxes(rng, 5))
    yield Case("negative coordinates", random_boxes(rng, 7) - 70, random_boxes(rng, 3) - 70)
    yield Case("coordinates near 100 000", random_boxes(rng, 3) + 1e5, random_boxes(rng, 5) + 1e5)
    yield Case("inside, touching, at a corner", np.array([[0.0, 0, 14, 10]]), np.array([[2.0, 2, 6, 4], [14, 0, 18, 10], [14, 10, 16, 16]]))
    small = "Something is off for boxes between 0 and 1. Areas are small there, and a constant added to the union shows."
    yield Case("small boxes, between 0 and 1", random_boxes(rng, 5) / 110, random_boxes(rng, 3) / 110, group="small boxes", hint=small)
    none = "A box without area has IoU 0 with everything. Two of them have a union of 0 as well: treat that before you divide."
    flat = np.array([[10.0, 10, 10, 10], [20, 20, 20, 50], [10, 10, 40, 40]]) + rng.integers(0, 50)
    yield Case("boxes without area", flat, flat[:2].copy(), group="no area", hint=none)
    yield Case("no boxes in a", np.zeros((0, 4)), random_boxes(rng, 3), group="no boxes", hint="With no boxes in a, the result has shape `(0, m)`.")


@mistakes(
    iou,
    plus_one="You add 1 to widths and heights, as one does when counting pixels. Coordinates are continuous here.",
    plus_one_areas="You add 1 to the sides of the two boxes, but not to those of the intersection. Coordinates are continuous: add nothing.",
    plus_one_intersection="You add 1 to the sides of the intersection. Coordinates are continuous: add nothing.",
    no_clip="Boxes that lie apart have negative overlaps in x and y, whose product is positive. Replace negative ones by 0 before you multiply.",
    absolute="You take absolute values of the overlaps. A negative one means that the boxes lie apart: it counts as 0.",
    clip_product="You replace a negative product by 0, but two negative overlaps have a positive product. Treat width and height each.",
    clip_width_only="You replace a negative width by 0, but not a negative height.",
    clip_height_only="You replace a negative height by 0, but not a negative width.",
    union_counts_twice="The sum of both areas counts the shared part twice. Subtract it once to get the union.",
    union_without_twice="You subtract the shared part twice, so it is missing from the union. Subtract it once.",
    dice="That is the Dice coefficient: twice the intersection over the sum of the areas. IoU divides the intersection by the union.",
    by_smaller="You divide by the smaller area. Divide by the union.",
    by_larger="You divide by the larger area. Divide by the union.",
    by_a="You divide by the areas of a. Divide by the union.",
    by_b="You divide by the areas of b. Divide by the union.",
    by_mean="You divide by the square root of the product of both areas. Divide by the union.",
    by_hull="You divide by the area of the smallest box around both. The union is smaller: the empty corners do not belong to it.",
    intersection_only="You return the area of the intersection. Divide it by the union.",
    union_over_intersection="You have the fraction upside down: the intersection is divided by the union.",
    generalised="That is the generalised IoU: it subtracts the empty part of the box around both.",
    distance="You return 1 − IoU, a distance. IoU is 1 for equal boxes.",
    read_as_xywh="You read boxes as (x, y, width, height). They are two corners: (x1, y1, x2, y2).",
    read_as_centres="You read boxes as (centre x, centre y, width, height). They are two corners: (x1, y1, x2, y2).",
    read_as_xxyy="You read boxes as (x1, x2, y1, y2). They are (x1, y1, x2, y2).",
    min_max_swapped="Minimum and maximum are swapped. The shared part begins at the larger of the two left edges and ends at the smaller of the two right ones.",
    sides_added="You add the sides where an area is due. An area is width times height.",
    width_only="You use the widths only. An area needs the heights too.",
    elementwise="You compare box k of a with box k of b only. Every box of a meets every box of b: n × m numbers.",
    transposed="Your rows belong to b. Rows belong to a, columns to b: the shape is [n, m].",
    areas_swapped="You add the areas along the wrong axes: rows belong to a, columns to b.",
    yes_or_no="You return whether boxes overlap, as 0 and 1. How much they overlap is wanted.",
    rounded="Your division cuts the fraction off: use `/`, not `//`.",
    per_cent="You return per cent. IoU lies between 0 and 1.",
    one_added="You add 1 to the union. A union of 0 is to be treated by itself.",
    small_constant="You add a small number to the union. For boxes between 0 and 1 it is not small: treat a union of 0 by itself.",
    nan_for_no_area="Two boxes without area give 0 / 0, which is NaN. Their IoU is 0 here.",
    raises_for_no_area="Boxes without area make your code fail. Their IoU is 0 here.",
    one_for_equal="You give two boxes without area the IoU 1. A box without area has IoU 0 with everything.",
    raises_for_none="Your code fails when there are no boxes in a. The result then has shape `(0, m)`.",
    integer_buffer="For integer boxes you store the ratios in an integer array, which cuts their fractions off.",
    single_precision="You compute in float32. When the boxes are float64, so is their IoU.",
)
def iou_with(made: Made, a: ndarray, b: ndarray) -> ndarray:
    if made.raises_for_none and not len(a):
        raise ValueError("need at least one array to stack")
    integers = a.dtype.kind == "i"
    if made.single_precision:
        a, b = a.astype(np.float32), b.astype(np.float32)
    if made.read_as_xywh:
        a, b = (np.concatenate([r[:, :2], r[:, :2] + r[:, 2:]], axis=1) for r in (a, b))
    if made.read_as_centres:
        a, b = (np.concatenate([r[:, :2] - r[:, 2:] / 2, r[:, :2] + r[:, 2:] / 2], axis=1) for r in (a, b))
    if made.read_as_xxyy:
        a, b = a[:, [0, 2, 1, 3]], b[:, [0, 2, 1, 3]]
    left, right = (a, b) if made.elementwise else (a[:, None], b[None])
    both = shared_area_with(made, left, right)
    area_left = area_with(made, left[..., 2:] - left[..., :2] + int(made.plus_one or made.plus_one_areas)) + 0 * both
    area_right = area_with(made, right[..., 2:] - right[..., :2] + int(made.plus_one or made.plus_one_areas)) + 0 * both
    if made.areas_swapped:
        area_left, area_right = (area_with(made, r[:, 2:] - r[:, :2]) for r in (a, b))
        area_left, area_right = area_left[None], area_right[:, None]
    union: ndarray = area_left + area_right - both
    hull = area_with(made, np.maximum(left[..., 2:], right[..., 2:]) - np.minimum(left[..., :2], right[..., :2]))
    bottom = divisor_with(made, area_left, area_right, both, union, hull)
    if made.intersection_only:
        return both / 1
    if made.yes_or_no:
        return (both > 0).astype(float)
    if made.union_over_intersection:
        return np.asarray(union / np.where(both > 0, both, 1))
    if made.raises_for_no_area and (bottom == 0).any():
        raise ZeroDivisionError("float division by zero")
    result = both / bottom if made.nan_for_no_area else both / np.where(bottom != 0, bottom, 1)
    if made.one_for_equal:
        result = np.where(bottom == 0, 1.0, result)
    if made.generalised:
        result = result - (hull - union) / np.where(hull != 0, hull, 1)
    if made.rounded:
        result = np.floor(result)
    if made.integer_buffer and integers:
        result = result.astype(int)
    result = 1 - result if made.distance else 100 * result if made.per_cent else result
    return result.T if made.transposed else result


def shared_area_with(made: Made, left: ndarray, right: ndarray) -> ndarray:
    low, high = np.maximum(left[..., :2], right[..., :2]), np.minimum(left[..., 2:], right[..., 2:])
    if made.min_max_swapped:
        low, high = np.minimum(left[..., :2], right[..., :2]), np.maximum(left[..., 2:], right[..., 2:])
    size = high - low + int(made.plus_one or made.plus_one_intersection)
    if made.absolute:
        size = abs(size)
    if not (made.no_clip or made.clip_product or made.clip_height_only):
        size[..., 0] = size[..., 0].clip(0)
    if not (made.no_clip or made.clip_product or made.clip_width_only):
        size[..., 1] = size[..., 1].clip(0)
    both = area_with(made, size)
    return both.clip(0) if made.clip_product else both


def area_with(made: Made, size: ndarray) -> ndarray:
    """Width and height on the last axis."""
    if made.sides_added:
        return np.asarray(size[..., 0] + size[..., 1])
    return np.asarray(size[..., 0] if made.width_only else size[..., 0] * size[..., 1])


def divisor_with(made: Made, area_left: ndarray, area_right: ndarray, both: ndarray, union: ndarray, hull: ndarray) -> ndarray:
    if made.union_counts_twice or made.dice:
        return np.asarray((area_left + area_right) / (2 if made.dice else 1))
    if made.union_without_twice:
        return np.asarray(union - both)
    if made.by_smaller or made.by_larger:
        return np.asarray((np.minimum if made.by_smaller else np.maximum)(area_left, area_right))
    if made.by_a or made.by_b:
        return area_left if made.by_a else area_right
    if made.by_mean:
        return np.asarray(np.sqrt(area_left * area_right))
    if made.by_hull:
        return hull
    return union + (1.0 if made.one_added else 1e-6 if made.small_constant else 0)


# ---- nms -------------------------------------------------------------------------------------------------------------

FORBIDDEN_NMS = [
    "torchvision.ops.nms",
    "torchvision.ops.boxes.nms",
    "torchvision.ops.batched_nms",
    "torchvision.ops.boxes.batched_nms",
    "torch.ops.torchvision.nms",
    "cv2.dnn.NMSBoxes",
    "cv2.dnn.NMSBoxesBatched",
]


@exercise(
    points=3,
    rows=["9.7"],
    shares={"equal scores": 0.2, "IoU equals threshold": 0.1, "any scores": 0.1, "no area": 0.05, "no boxes": 0.05},
    forbid=[*FORBIDDEN_NMS, *FORBIDDEN_IOU],
)
def nms(boxes: Num[ndarray, "n 4"], scores: Float[ndarray, "n"], threshold: float) -> list[int]:
    """Non-maximum suppression: the indices of the kept boxes, highest score first.

    A box is dropped when its IoU with a kept box of higher score is strictly greater than
    `threshold`. Of boxes with equal scores the one with the lower index comes first. Scores may
    be any numbers; n may be 0.
    """
    overlap = iou(boxes, boxes)
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable"):
        if (overlap[k, kept] <= threshold).all():
            kept.append(int(k))
    return kept


def is_clear(boxes: ndarray, threshold: float) -> bool:
    """No IoU lies so near to the threshold that rounding could decide, in float32 or as integers either."""
    return all(np.abs(iou(b, b) - threshold).min() > 1e-3 for b in (boxes, boxes.astype(np.float32), np.rint(3 * boxes)))


def detections(rng: np.random.Generator, objects: int, each: int, threshold: float) -> ndarray:
    """What a detector finds: about `each` boxes around every object, in random order."""
    while True:
        around = np.repeat(random_boxes(rng, objects, spread=150, smallest=20), each, axis=0)
        size = np.tile(around[:, 2:] - around[:, :2], 2)
        boxes = around + rng.normal(size=around.shape).clip(-2, 2) * 0.16 * size
        boxes = rng.permutation(boxes - boxes.min())
        if is_clear(boxes, threshold):
            return boxes


def distinct_scores(rng: np.random.Generator, n: int) -> ndarray:
    """Between 0 and 1, far enough apart for float32."""
    return (rng.permutation(n) + rng.uniform(0.2, 0.8, size=n)) / n


def few_scores(rng: np.random.Generator, n: int) -> ndarray:
    return rng.integers(1, 4, size=n) / 4


equivalent(
    nms,
    {
        "if (overlap[kept, k] <= threshold).all():": "IoU is symmetric.",
    },
)


@cases(nms)
def visible_nms(rng: np.random.Generator) -> Iterator[Case]:
    chain = np.array([[4.0, 0, 8, 4], [2, 0, 6, 4], [0, 0, 4, 4]])
    yield Case("a dropped box drops nothing", chain, np.array([0.7, 0.8, 0.9]), 0.25)
    yield Case("13 boxes", detections(rng, 4, 4, 0.3)[:13], distinct_scores(rng, 13), 0.3)


@cases(nms, hidden=True)
def hidden_nms(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("35 boxes, threshold 0.2", detections(rng, 5, 7, 0.2), distinct_scores(rng, 35), 0.2)
    yield Case("35 boxes, threshold 0.4", detections(rng, 7, 5, 0.4), distinct_scores(rng, 35), 0.4)
    yield Case("33 boxes, threshold 0.6", detections(rng, 3, 11, 0.6), distinct_scores(rng, 33), 0.6)
    yield Case("33 boxes, threshold 0.7", detections(rng, 3, 11, 0.7), distinct_scores(rng, 33), 0.7)
    yield Case("small boxes, between 0 and 1", detections(rng, 5, 5, 0.35) / 256, distinct_scores(rng, 25), 0.35)
    yield Case("negative coordinates", detections(rng, 5, 5, 0.3) - 256, distinct_scores(rng, 25), 0.3)
    yield Case("one box", random_boxes(rng, 1), distinct_scores(rng, 1), 0.5)

    ties = "Of boxes with equal scores, the one with the lower index comes first. A plain `argsort` does not promise that order; a stable one does."
    yield Case("equal scores, many boxes", detections(rng, 8, 5, 0.3), few_scores(rng, 40), 0.3, group="equal scores", hint=ties)
    yield Case("equal scores", detections(rng, 3, 4, 0.4), few_scores(rng, 12), 0.4, group="equal scores", hint=ties)

    # Halves and quarters of whole numbers: the IoU is exact in every way of computing it.
    strictly = "A box is dropped only when its IoU is strictly greater than the threshold. Here it is equal."
    order = rng.permutation(4)
    pairs = np.array([[0.0, 0, 2, 2], [0, 0, 2, 1], [8, 8, 12, 12], [8, 8, 9, 12]])[order]
    for exact in (0.5, 0.25):
        yield Case("the IoU is the threshold", pairs, distinct_scores(rng, 4), exact, group="IoU equals threshold", hint=strictly)
    neighbours = np.array([[0.0, 0, 4, 4], [4, 0, 8, 4], [6, 0, 10, 4], [20, 20, 24, 24]])[order]
    yield Case("the threshold is 0", neighbours, distinct_scores(rng, 4), 0.0, group="IoU equals threshold", hint=strictly)
    twins = np.repeat(neighbours, 2, axis=0)
    yield Case("equal boxes, the threshold is 1", twins, distinct_scores(rng, 8), 1.0, group="IoU equals threshold", hint=strictly)

    anything = "Scores need not lie between 0 and 1. A box with a negative score or the score 0 takes part like any other."
    alone = np.array([[500.0, 500, 540, 530], [600, 600, 620, 660]])
    beyond = np.append(6 * distinct_scores(rng, 25) - 3, [-0.4, -2.2])
    yield Case("scores beyond 0 and 1", np.concatenate([detections(rng, 5, 5, 0.4), alone]), beyond, 0.4, group="any scores", hint=anything)
    yield Case("all scores negative", detections(rng, 4, 5, 0.5), distinct_scores(rng, 20) - 8, 0.5, group="any scores", hint=anything)

    flat = "A box without area has IoU 0 with everything: it is never dropped, and drops nothing."
    without_area = np.array([[1.0, 1, 1, 5], [1, 1, 1, 5], [0, 0, 8, 8], [3, 3, 3, 3], [1, 0, 8, 8]])[rng.permutation(5)]
    yield Case("boxes without area", without_area, distinct_scores(rng, 5), 0.5, group="no area", hint=flat)
    yield Case("no boxes", np.zeros((0, 4)), np.zeros(0), 0.5, group="no boxes", hint="With no boxes there is nothing to keep: an empty list.")


@mistakes(
    nms,
    at_least="You drop a box whose IoU equals the threshold. Drop it only when the IoU is strictly greater.",
    ascending="You begin with the lowest score. Begin with the highest.",
    ties_reversed="Of equal scores you take the higher index first: reversing a sorted list reverses ties too. Sort the negative scores, with a stable sort.",
    ties_by_size="Of equal scores you take the larger box first. Take the one with the lower index.",
    unsorted="You go through the boxes as they come. Begin with the highest score and go down.",
    by_size="You go through the boxes by their size. The score decides.",
    sorted_indices="You return the indices in ascending order. The box with the highest score comes first.",
    lowest_first="The right boxes, but in reversed order: the highest score comes first.",
    sorted_positions="Your numbers are positions in the sorted list. Return the indices that the boxes had as they came.",
    last_only="You compare a box with the last kept one only. Compare it with all kept ones.",
    first_only="You compare every box with the best one only. Compare it with all kept ones.",
    neighbours_only="You compare a box only with the next one in the order of scores. Compare it with all kept ones.",
    not_greedy="A box that was dropped still drops others in your code. Only kept boxes do.",
    lower_index_only="You compare a box only with kept ones of a lower index. Once sorted, the index plays no part.",
    inverted="You keep the boxes that overlap and drop the others.",
    returns_dropped="You return the indices of the dropped boxes.",
    only_best="You keep one box only. There may be many objects.",
    best_missing="The best box itself is missing: it overlaps itself with IoU 1. Compare it with others only.",
    ends_early="You stop at the first box that is dropped. Go on: later boxes may lie elsewhere.",
    drops_one="A kept box drops only one other box in your code. It drops all that it overlaps too much.",
    any_better_drops="A box is dropped in your code when any better box overlaps it, kept or not, and the rest stays in the order of the indices. Go from the highest score down, and let only kept boxes drop others.",
    keeps_all="You drop nothing.",
    complement="You compare the IoU with 1 − threshold.",
    fixed_threshold="You ignore `threshold` and use 0.5.",
    score_threshold="You compare the scores with the threshold. It is meant for the IoU.",
    intersection="You compare the area of the intersection with the threshold. Divide it by the union first.",
    plus_one="Your IoU adds 1 to widths and heights, as one does when counting pixels. Coordinates are continuous here.",
    no_clip="Your IoU counts boxes that lie apart: two negative overlaps have a positive product. Replace negative ones by 0.",
    union_counts_twice="Your IoU divides by the sum of the areas, which counts the shared part twice.",
    dice="You compare the Dice coefficient, twice the intersection over the sum of the areas. IoU divides the intersection by the union.",
    by_smaller="You divide the intersection by the smaller area. IoU divides by the union.",
    by_larger="You divide the intersection by the larger area. IoU divides by the union.",
    by_own="You divide the intersection by the area of the box in question. IoU divides by the union.",
    by_kept="You divide the intersection by the area of the kept box. IoU divides by the union.",
    by_hull="You divide the intersection by the area of the smallest box around both. IoU divides by the union.",
    read_as_xywh="You read boxes as (x, y, width, height). They are two corners: (x1, y1, x2, y2).",
    returns_boxes="You return the boxes. Return their indices.",
    returns_scores="You return the scores. Return the indices of the boxes.",
    returns_array="You return an array. The text asks for a list of ints.",
    returns_mask="You return True and False for each box. Return the indices of the kept boxes.",
    zero_means_done="You take a score of 0 or less as a sign that a box is done. Scores may be any numbers: remember in another way who is done.",
    minus_one_means_done="You set the score of a finished box to −1 and end when the largest score is −1 or less. Scores may be any numbers: remember in another way who is done.",
    nan_drops="Two boxes without area give 0 / 0 in your IoU, and a comparison with NaN is never true. Their IoU is 0.",
    flat_removed="You remove boxes without area. Their IoU with everything is 0: they are kept.",
    raises_for_none="Your code fails when there are no boxes. Return an empty list then.",
    none_for_none="When there are no boxes you return None. Return an empty list.",
)
def nms_with(made: Made, boxes: ndarray, scores: ndarray, threshold: float) -> object:
    if not len(boxes):
        if made.raises_for_none:
            raise ValueError("attempt to get argmax of an empty sequence")
        if made.none_for_none:
            return None
    overlap = overlap_with(made, boxes)
    order = order_with(made, boxes, scores)
    if made.fixed_threshold or made.complement:
        threshold = 0.5 if made.fixed_threshold else 1 - threshold
    kept: list[int] = []
    dropped: list[int] = []
    spent: set[int] = set()
    for position, k in enumerate(order):
        rivals = rivals_with(made, order, position, kept, spent)
        by = [j for j in rivals if is_too_near_with(made, float(overlap[k, j]), float(scores[k]), threshold)]
        if by and not made.keeps_all:
            spent.add(by[0])
            dropped.append(k)
        else:
            kept.append(k)
        if (made.ends_early and dropped) or made.only_best:
            break
    return presented_with(made, boxes, scores, order, kept, dropped)


def overlap_with(made: Made, boxes: ndarray) -> ndarray:
    if made.by_own or made.by_kept:
        area = np.where(box_area(boxes) > 0, box_area(boxes), 1)
        return intersection(boxes, boxes) / (area[:, None] if made.by_own else area)
    if made.intersection:
        return intersection(boxes, boxes)
    of_iou = made.only("plus_one", "no_clip", "union_counts_twice", "dice", "by_smaller", "by_larger", "by_hull", "read_as_xywh")
    overlap = iou_with(of_iou, boxes, boxes)
    flat = box_area(boxes) == 0
    if made.nan_drops:
        overlap[flat[:, None] & flat] = np.inf
    return overlap


def order_with(made: Made, boxes: ndarray, scores: ndarray) -> list[int]:
    order = np.argsort(-scores, kind="stable")
    area = box_area(boxes)
    if made.ascending:
        order = order[::-1]
    elif made.ties_reversed:
        order = np.argsort(scores, kind="stable")[::-1]
    elif made.ties_by_size:
        order = np.lexsort((-area, -scores))
    elif made.unsorted:
        order = np.arange(len(scores))
    elif made.by_size:
        order = np.argsort(-area, kind="stable")
    elif made.zero_means_done or made.minus_one_means_done:
        order = order[scores[order] > (0 if made.zero_means_done else -1)]
    elif made.flat_removed:
        order = order[area[order] > 0]
    return [int(k) for k in order]


def rivals_with(made: Made, order: list[int], position: int, kept: list[int], spent: set[int]) -> list[int]:
    """The boxes that the next one is compared with."""
    if made.last_only or made.first_only:
        return kept[-1:] if made.last_only else kept[:1]
    if made.neighbours_only:
        return order[max(0, position - 1) : position]
    if made.not_greedy or made.any_better_drops:
        return order[:position]
    if made.best_missing:
        return [*kept, *order[position : position + 1]] if position == 0 else [order[0], *kept]
    if made.lower_index_only:
        return [j for j in kept if j < order[position]]
    return [j for j in kept if not (made.drops_one and j in spent)]


def is_too_near_with(made: Made, overlap: float, score: float, threshold: float) -> bool:
    if made.score_threshold:
        return score < threshold
    if made.inverted:
        return overlap < threshold
    return overlap >= threshold if made.at_least else overlap > threshold


def presented_with(made: Made, boxes: ndarray, scores: ndarray, order: list[int], kept: list[int], dropped: list[int]) -> object:
    if made.returns_dropped:
        return dropped
    if made.sorted_positions:
        return [order.index(k) for k in kept]
    if made.sorted_indices or made.any_better_drops:
        return sorted(kept)
    if made.lowest_first:
        return kept[::-1]
    if made.returns_boxes or made.returns_scores:
        return boxes[kept] if made.returns_boxes else scores[kept]
    if made.returns_mask:
        return [k in kept for k in range(len(scores))]
    return np.array(kept, dtype=int) if made.returns_array else kept


@mistakes(
    nms,
    skips_next="You remove boxes from a list while you go through it: the rest moves up, and the box after each removed one is skipped.",
)
def nms_by_removing_with(made: Made, boxes: ndarray, scores: ndarray, threshold: float) -> list[int]:
    overlap = iou(boxes, boxes)
    left = [int(k) for k in np.argsort(-scores, kind="stable")]
    kept: list[int] = []
    while left:
        best = left.pop(0)
        kept.append(best)
        for k in left if made.skips_next else list(left):
            if overlap[best, k] > threshold:
                left.remove(k)
    return kept


# ---- class_aware_nms -------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["9.7"],
    shares={"equal scores": 0.2, "negative coordinates": 0.1, "nothing to keep": 0.1},
    forbid=[*FORBIDDEN_NMS, *FORBIDDEN_IOU],
)
def class_aware_nms(boxes: Num[ndarray, "n 4"], scores: Float[ndarray, "n"], labels: Int[ndarray, "n"], threshold: float) -> list[int]:
    """Non-maximum suppression within each class: the indices of the kept boxes of all classes,
    highest score first.

    labels[k] >= 0 is the class of box k. Label 0 is the background: its boxes are never kept
    and drop nothing. A box is dropped only by a kept box of its own class. Equal scores: lower
    index first. Coordinates may be negative.
    """
    kept: list[int] = []
    for label in np.unique(labels[labels > 0]):
        members = np.flatnonzero(labels == label)
        kept += [int(members[k]) for k in nms(boxes[members], scores[members], threshold)]
    return sorted(kept, key=lambda k: (-scores[k], k))


@cases(class_aware_nms)
def visible_class_aware_nms(rng: np.random.Generator) -> Iterator[Case]:
    pile = np.array([[0.0, 0, 8, 8], [1, 0, 8, 8], [0, 1, 8, 8], [0, 0, 8, 7], [2, 0, 8, 8]])
    yield Case("one place, 2 classes and background", pile, np.array([0.5, 0.9, 0.8, 0.95, 0.7]), np.array([2, 1, 2, 0, 1]), 0.6)
    yield Case("17 boxes", detections(rng, 3, 6, 0.3)[:17], distinct_scores(rng, 17), rng.integers(0, 4, size=17), 0.3)


@cases(class_aware_nms, hidden=True)
def hidden_class_aware_nms(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("33 boxes, 2 classes", detections(rng, 3, 11, 0.3), distinct_scores(rng, 33), rng.integers(0, 3, size=33), 0.3)
    labels = rng.permutation(np.repeat([0, 1, 3, 43], [4, 13, 11, 12]))
    yield Case("40 boxes, the labels have gaps", detections(rng, 4, 10, 0.5), distinct_scores(rng, 40), labels, 0.5)
    yield Case("one class, no background", detections(rng, 3, 7, 0.4), distinct_scores(rng, 21), np.full(21, 3), 0.4)
    ties = "Equal scores, also of different classes: the box with the lower index comes first."
    yield Case("equal scores", detections(rng, 6, 6, 0.3), few_scores(rng, 36), rng.integers(0, 4, size=36), 0.3, group="equal scores", hint=ties)
    negative = "Coordinates may be negative. If you move the classes apart, move them by more than the whole extent of the boxes."
    left = detections(rng, 3, 9, 0.3)
    yield Case(
        "all coordinates negative",
        left - left.max() - 1,
        distinct_scores(rng, 27),
        rng.integers(0, 4, size=27),
        0.3,
        group="negative coordinates",
        hint=negative,
    )
    nothing = "When there is no box, or only background, nothing is kept: an empty list."
    yield Case("no boxes", np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=int), 0.5, group="nothing to keep", hint=nothing)
    yield Case("only background", random_boxes(rng, 5), distinct_scores(rng, 5), np.zeros(5, dtype=int), 0.5, group="nothing to keep", hint=nothing)


@mistakes(
    class_aware_nms,
    labels_ignored="You ignore the classes: a box is dropped only by a kept box of its own class.",
    all_together="You run NMS over all boxes, background and classes together, and remove the background afterwards. Leave the background out first, and treat each class by itself.",
    other_classes="A box is dropped by boxes of other classes in your code. Only those of its own class drop it.",
    background_kept="You return background boxes. Label 0 means that there is nothing in the box.",
    background_drops="Background boxes drop others in your code. Leave them out before you begin.",
    background_is_last="You leave out the class with the largest label. The background is label 0.",
    not_sorted="You return one class after the other. Highest score first, over all classes.",
    index_order="You return the indices in ascending order. Highest score first, over all classes.",
    lowest_first="Your list begins with the lowest score. Highest score first.",
    positions_in_class="Your numbers count within each class. Return the indices that the boxes had as they came.",
    positions_without_background="Your numbers count only the boxes that are not background. Return the indices that the boxes had as they came.",
    one_per_class="You keep only the best box of each class. A class may have many objects in one image.",
    best_class_only="You return the boxes of one class only.",
    last_class_missing="You miss the class with the largest label: `range` ends one before its end.",
    labels_counted="You take the labels for 1, 2, 3, … without gaps. A class may be absent from an image.",
    moved_too_little="You move the classes apart by their label only. Move them by more than the size of the image, or their boxes still overlap.",
    ends_at_other_class="You stop at the first box of another class.",
    keeps_all="You drop nothing but the background.",
    lists_per_class="You return one list for each class. Return a single list.",
    as_dict="You return a dictionary of classes. Return a single list.",
    returns_array="You return an array. The text asks for a list of ints.",
    fixed_threshold="You ignore `threshold` and use 0.5.",
    ties_by_class="Of equal scores you take the lower class first. Take the lower index.",
    ties_reversed="Of equal scores you take the higher index first. Take the lower one.",
    moved_by_largest="You move the classes apart by the largest coordinate. When coordinates are negative that is not far enough.",
    raises_for_none="Your code fails when nothing is left. Return an empty list then.",
)
def class_aware_nms_with(made: Made, boxes: ndarray, scores: ndarray, labels: ndarray, threshold: float) -> object:
    foreground = np.flatnonzero(labels > 0)
    if made.background_kept or made.background_drops or made.all_together:
        foreground = np.arange(len(labels))
    if made.background_is_last:
        foreground = np.flatnonzero(labels < labels.max(initial=0))
    if made.raises_for_none and not len(foreground):
        raise ValueError("need at least one array to concatenate")
    threshold = 0.5 if made.fixed_threshold else threshold
    apart = same_class_with(made, boxes, labels)
    kept: list[int] = []
    order = foreground[np.argsort(-scores[foreground], kind="stable")]
    for k in order:
        if made.ends_at_other_class and labels[k] != labels[order[0]]:
            break
        rivals = [j for j in kept if apart[k, j] or (made.one_per_class and labels[k] == labels[j])]
        near = [j for j in rivals if made.one_per_class or overlap_of(made, boxes, labels, k, j) > threshold]
        if made.keeps_all or not near:
            kept.append(int(k))
    return classes_presented_with(made, scores, labels, foreground, kept)


def same_class_with(made: Made, boxes: ndarray, labels: ndarray) -> ndarray:
    """Which boxes may drop which."""
    same: ndarray = labels[:, None] == labels
    if made.labels_ignored or made.all_together or made.moved_too_little or made.moved_by_largest:
        return np.ones_like(same)
    if made.background_drops:
        return np.asarray(same | (labels == 0))
    return ~same if made.other_classes else same


def overlap_of(made: Made, boxes: ndarray, labels: ndarray, k: int, j: int) -> float:
    shift = 0.0 * labels
    if made.moved_too_little:
        shift = labels * 1.0
    elif made.moved_by_largest:
        shift = labels * (boxes.max() + 1)
    moved = boxes + shift[:, None]
    return float(iou(moved[k : k + 1], moved[j : j + 1])[0, 0])


def classes_presented_with(made: Made, scores: ndarray, labels: ndarray, foreground: ndarray, kept: list[int]) -> object:
    if made.background_drops or made.all_together:
        kept = [k for k in kept if labels[k] > 0]
    classes = sorted({int(labels[k]) for k in kept})
    if made.best_class_only:
        kept = [k for k in kept if labels[k] == labels[kept[0]]]
    elif made.last_class_missing:
        kept = [k for k in kept if labels[k] < max(classes)]
    elif made.labels_counted:
        kept = [k for k in kept if labels[k] <= len(classes)]
    elif made.not_sorted:
        kept = sorted(kept, key=lambda k: labels[k])
    elif made.index_order or made.lowest_first:
        kept = sorted(kept) if made.index_order else kept[::-1]
    elif made.ties_by_class:
        kept = sorted(kept, key=lambda k: (-scores[k], labels[k]))
    elif made.ties_reversed:
        kept = sorted(kept, key=lambda k: (-scores[k], -k))
    elif made.positions_in_class:
        kept = [int((labels[:k] == labels[k]).sum()) for k in kept]
    elif made.positions_without_background:
        kept = [int((foreground < k).sum()) for k in kept]
    if made.lists_per_class or made.as_dict:
        per_class = {c: [k for k in kept if labels[k] == c] for c in classes}
        return per_class if made.as_dict else list(per_class.values())
    return np.array(kept, dtype=int) if made.returns_array else kept
