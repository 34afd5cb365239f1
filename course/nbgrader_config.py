"""nbgrader's configuration for the course. Every trait of nbgrader can be set here as usual."""

c = get_config()

c.CourseDirectory.course_id = "scratchgrad"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}

# The submitted file is data: read it, and put its answers into the released notebook.
c.Autograde.exporter_class = "autograder.nbgrader.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Run the student's cells in a worker, and let the examiner decide what the graded cells are worth.
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader.Examine",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# c.Examine.seed = 2026                  # makes the hidden cases; change it from term to term
# c.Examine.cell_seconds = 30            # limit of one cell
# c.Examine.exercise_seconds = 120       # limit of all questions of one exercise
# c.Examine.memory_gib = 8               # limit of one process
# c.Examine.run_demonstrations = False   # also run the cells that only show something
