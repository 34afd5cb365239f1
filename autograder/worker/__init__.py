"""The untrusted side: a process that runs the student's notebook and answers questions. It knows no answers."""

from autograder.worker.kernel import KernelWorker, Limits, WorkerDied

__all__ = ["KernelWorker", "Limits", "WorkerDied"]
