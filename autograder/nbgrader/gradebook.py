"""nbgrader's connection to the gradebook."""

from __future__ import annotations

import functools

import nbgrader.api


def share_one_engine() -> None:
    """Let all gradebooks of this process use the same SQLAlchemy engine.

    nbgrader opens the gradebook eight times a submission, each time with a new engine, which knows no statement and so
    compiles all of them again. An engine is made to be shared.
    """
    if not hasattr(nbgrader.api.create_engine, "cache_info"):
        nbgrader.api.create_engine = functools.cache(nbgrader.api.create_engine)
