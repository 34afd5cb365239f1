"""The vocabulary of exercise modules: exercise, cases, mistakes, probe, verify, Case."""

from autograder.exercise.exam import Exam, make_card
from autograder.exercise.vocabulary import (
    BadExercise,
    Case,
    Exercise,
    Made,
    all_exercises,
    cases,
    equivalent,
    exercise,
    get_exercise,
    mistakes,
    probe,
    verify,
)

__all__ = [
    "BadExercise",
    "Case",
    "Exam",
    "Exercise",
    "Made",
    "all_exercises",
    "cases",
    "equivalent",
    "exercise",
    "get_exercise",
    "make_card",
    "mistakes",
    "probe",
    "verify",
]
