"""Chapter 9, computer vision."""

from solutions.vision.detection import box_area, class_aware_nms, intersection, iou, nms

__all__ = ["box_area", "class_aware_nms", "intersection", "iou", "nms"]
