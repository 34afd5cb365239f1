"""The untrusted side: a process that runs the student's notebook and answers questions. It knows no answers.

`host`, `process`, `warm`, `tier`, `cgroups` and `outputs` are the examiner's half; `parent`, `serve`, `shell`, `absent`, `answer` and `jail` run in
the worker, and so import little.
"""
