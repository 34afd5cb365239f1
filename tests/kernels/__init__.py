"""CUDA C programs as data: what they compute by NumPy, what goes wrong in them, and which barriers they cannot do without."""
