"""All exercises of the course, for tests that run over every one of them."""

import importlib
import pkgutil

import solutions
from autograder.exercise import all_exercises

for package in pkgutil.iter_modules(solutions.__path__):
    importlib.import_module(f"solutions.{package.name}")

EXERCISES = all_exercises()
