"""Right answers in other styles: chapter 9, computer vision."""

from __future__ import annotations

import itertools

import numpy as np
from numpy import ndarray


def box_area__product_of_sides(boxes: ndarray) -> ndarray:
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)


def box_area__loops(boxes: ndarray) -> ndarray:
    area = np.zeros(len(boxes))
    for k, (x1, y1, x2, y2) in enumerate(boxes):
        area[k] = (x2 - x1) * (y2 - y1)
    return area


def box_area__einsum(boxes: ndarray) -> ndarray:
    x1, y1, x2, y2 = boxes.T
    return np.einsum("n,n->n", x2 - x1, y2 - y1)


def box_area__list(boxes: ndarray) -> ndarray:
    return np.array([abs(r[0] - r[2]) * abs(r[1] - r[3]) for r in boxes.tolist()])


def intersection__corners(a: ndarray, b: ndarray) -> ndarray:
    top_left = np.maximum(a[:, np.newaxis, :2], b[np.newaxis, :, :2])
    bottom_right = np.minimum(a[:, np.newaxis, 2:], b[np.newaxis, :, 2:])
    return np.prod(np.maximum(bottom_right - top_left, 0), axis=2)


def intersection__loops(a: ndarray, b: ndarray) -> ndarray:
    shared = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            w = min(a[i][2], b[j][2]) - max(a[i][0], b[j][0])
            h = min(a[i][3], b[j][3]) - max(a[i][1], b[j][1])
            if w > 0 and h > 0:
                shared[i, j] = w * h
    return shared


def intersection__where(a: ndarray, b: ndarray) -> ndarray:
    ax1, ay1, ax2, ay2 = np.split(a, 4, axis=1)
    bx1, by1, bx2, by2 = b.T
    w, h = np.minimum(ax2, bx2) - np.maximum(ax1, bx1), np.minimum(ay2, by2) - np.maximum(ay1, by1)
    return np.where((w > 0) & (h > 0), w * h, 0.0)


def intersection__transposed_view(a: ndarray, b: ndarray) -> ndarray:
    return intersection__corners(b, a).T


def iou__loops(a: ndarray, b: ndarray) -> ndarray:
    result = np.zeros((len(a), len(b)))
    for i, (x1, y1, x2, y2) in enumerate(a.tolist()):
        for j, (u1, v1, u2, v2) in enumerate(b.tolist()):
            both = max(0, min(x2, u2) - max(x1, u1)) * max(0, min(y2, v2) - max(y1, v1))
            union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - both
            result[i, j] = both / union if union > 0 else 0
    return result


def iou__nan_to_num(a: ndarray, b: ndarray) -> ndarray:
    both = intersection__corners(a, b)
    return np.nan_to_num(both / (box_area__product_of_sides(a)[:, None] + box_area__product_of_sides(b)[None] - both))


def iou__divide_where(a: ndarray, b: ndarray) -> ndarray:
    a, b = a.astype(float), b.astype(float)
    both = intersection__corners(a, b)
    union = np.add.outer(box_area__product_of_sides(a), box_area__product_of_sides(b)) - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def iou__tiny_constant(a: ndarray, b: ndarray) -> ndarray:
    both = intersection__corners(a, b)
    return both / (box_area__product_of_sides(a)[:, None] + box_area__product_of_sides(b) - both + 1e-8)


def iou__union_kept_from_zero(a: ndarray, b: ndarray) -> ndarray:
    both = intersection__where(a, b)
    return both / np.maximum(box_area__list(a)[:, None] + (box_area__list(b)[None, :] - both), 1e-12)


def iou__row_by_row(a: ndarray, b: ndarray) -> ndarray:
    rows = np.zeros((len(b), len(a))).T
    for i, box in enumerate(a):
        both = intersection__where(box[None], b)[0]
        union = box_area__product_of_sides(box[None]) + box_area__product_of_sides(b) - both
        rows[i, both > 0] = both[both > 0] / union[both > 0]
    return rows


def nms__shrinking_list(boxes: ndarray, scores: ndarray, threshold: float) -> list[int]:
    left = np.argsort(-scores, kind="mergesort")
    kept = []
    while left.size > 0:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[iou__divide_where(boxes[[best]], boxes[left])[0] <= threshold]
    return kept


def nms__argmax_and_mask(boxes: ndarray, scores: ndarray, threshold: float) -> list[int]:
    alive = np.ones(len(scores), dtype=bool)
    kept: list[int] = []
    overlap = iou__tiny_constant(boxes, boxes)
    while alive.any():
        best = int(np.argmax(np.where(alive, scores, -np.inf)))
        kept.append(best)
        alive &= ~(overlap[best] > threshold)
        alive[best] = False
    return kept


def nms__sorted_and_any(boxes: ndarray, scores: ndarray, threshold: float) -> list[int]:
    kept: list[int] = []
    for k in sorted(range(len(boxes)), key=lambda i: scores[i], reverse=True):
        if not any(iou__loops(boxes[k : k + 1], boxes[j : j + 1])[0, 0] > threshold for j in kept):
            kept.append(k)
    return kept


def nms__suppressed_flags(boxes: ndarray, scores: ndarray, threshold: float) -> list[int]:
    order = np.lexsort((np.arange(len(scores)), -scores))
    boxes = boxes[order].astype(np.float32)
    suppressed = np.zeros(len(boxes), dtype=bool)
    for i in range(len(boxes)):
        if not suppressed[i]:
            later = iou__nan_to_num(boxes[i : i + 1], boxes[i + 1 :])[0]
            suppressed[i + 1 :] |= later > threshold
    return order[~suppressed].tolist()


def nms__without_division(boxes: ndarray, scores: ndarray, threshold: float) -> list[int]:
    both, area = intersection__where(boxes, boxes), box_area__list(boxes)
    kept: list[int] = []
    for k in sorted(range(len(scores)), key=lambda k: (-scores[k], k)):
        if all(both[k, j] <= threshold * (area[k] + area[j] - both[k, j]) for j in kept):
            kept.append(k)
    return kept


def class_aware_nms__one_pass(boxes: ndarray, scores: ndarray, labels: ndarray, threshold: float) -> list[int]:
    overlap = iou__tiny_constant(boxes, boxes) * (labels[:, None] == labels[None])
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable"):
        if labels[k] != 0 and not np.any(overlap[k, kept] > threshold):
            kept.append(k)
    return kept


def class_aware_nms__moved_apart(boxes: ndarray, scores: ndarray, labels: ndarray, threshold: float) -> list[int]:
    objects = np.where(labels > 0)[0]
    if objects.size == 0:
        return []
    extent = boxes.max() - boxes.min() + 1
    moved = boxes[objects] + (labels[objects] * extent)[:, None]
    return [int(objects[k]) for k in nms__shrinking_list(moved, scores[objects], threshold)]


def class_aware_nms__a_list_for_each_class(boxes: ndarray, scores: ndarray, labels: ndarray, threshold: float) -> list[int]:
    kept_of: dict[int, list[int]] = {}
    for k in sorted(range(len(labels)), key=lambda i: (-scores[i], i)):
        rivals = kept_of.setdefault(int(labels[k]), [])
        if all(iou__loops(boxes[[k]], boxes[[j]])[0][0] <= threshold for j in rivals):
            rivals.append(k)
    kept_of.pop(0, None)
    return sorted(itertools.chain(*kept_of.values()), key=lambda i: (-scores[i], i))


def class_aware_nms__classes_by_range(boxes: ndarray, scores: ndarray, labels: ndarray, threshold: float) -> list[int]:
    keep = np.zeros(len(labels), dtype=bool)
    for c in range(1, int(labels.max(initial=0)) + 1):
        members = np.nonzero(labels == c)[0]
        keep[members[nms__argmax_and_mask(boxes[members], scores[members], threshold)]] = True
    order = np.argsort(-scores, kind="stable")
    return order[keep[order]].tolist()
