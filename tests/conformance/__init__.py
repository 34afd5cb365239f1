"""The same notebooks in a stock Jupyter kernel and in a worker: an honest student sees the same from both."""
