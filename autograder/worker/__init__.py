"""The untrusted side: a process that runs the student's notebook and answers questions. It knows no answers.

`host`, `warm`, `tier`, `cgroups` and `outputs` are the examiner's half; `parent`, `serve`, `shell`, `answer` and `jail` run in
the worker, and so import little.
"""


def __getattr__(name: str) -> object:
    if name not in ("Worker", "Limits"):
        raise AttributeError(name)
    from autograder.worker.host import Worker
    from autograder.worker.limits import Limits

    return {"Worker": Worker, "Limits": Limits}[name]
