"""From `course/` and `solutions/` to nbgrader's course directory and the student's bundle."""

from autograder.build.course import (
    BUILD,
    COURSE,
    ROOT,
    BuildError,
    Chapter,
    all_chapters,
    build_chapter,
    ensure_released,
    find_chapter,
    generate_assignment,
    import_exercises,
    nbgrader_environment,
    release_bundle,
)

__all__ = [
    "BUILD",
    "COURSE",
    "ROOT",
    "BuildError",
    "Chapter",
    "all_chapters",
    "build_chapter",
    "ensure_released",
    "find_chapter",
    "generate_assignment",
    "import_exercises",
    "nbgrader_environment",
    "release_bundle",
]
