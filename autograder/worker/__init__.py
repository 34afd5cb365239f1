"""The untrusted side: a process that runs the student's notebook and answers questions. It knows no answers.

`kernel` drives that process from the examiner's side; `answer` runs inside it, and so imports little.
"""
