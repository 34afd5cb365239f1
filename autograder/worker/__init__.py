"""The untrusted side: a process that runs the student's notebook and answers questions. It knows no answers, and so imports little."""
