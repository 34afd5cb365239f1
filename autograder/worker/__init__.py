"""The untrusted side: a process that runs the student's notebook and answers questions. It knows no answers.

`host`, `warm`, `tier`, `cgroups` and `outputs` are the examiner's half; `parent`, `serve`, `shell`, `answer` and `jail` run in
the worker, and so import little.
"""
