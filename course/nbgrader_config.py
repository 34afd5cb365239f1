"""nbgrader's configuration for the course. Every trait of nbgrader can be set here as usual."""

c = get_config()

c.CourseDirectory.course_id = "scratchgrad"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}

# The submitted file is data: read it, and put its answers into the released notebook.
c.Autograde.exporter_class = "autograder.nbgrader.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.OverwriteCells",
]

# Run the student's cells in a worker, and let the examiner decide what the graded cells are worth.
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader.Examine",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
]

# Show markers the marking scheme of a question below the answer: in formgrader, not in feedback.
c.HTMLExporter.preprocessors = ["autograder.nbgrader.MarkingScheme"]

# c.Examine.seed = 2026                  # makes the hidden cases; change it from term to term
# c.Examine.run_demonstrations = False   # also run the cells that only show something
# c.Examine.jobs = 0                     # how many notebooks are graded at a time; 0 for one on each core
# c.Examine.again = False                # grade again what is remembered, too
# c.Examine.unsafe = False               # grade also where nothing confines the students' code

# What a submission may use; these are the defaults.
# c.Examine.cell_seconds = 60            # of one cell, by the clock
# c.Examine.cell_cpu_seconds = 30        # and by the processor
# c.Examine.exercise_seconds = 120       # of all questions of one exercise
# c.Examine.notebook_seconds = 600       # of a whole notebook; its cells may take half of it
# c.Examine.notebook_cpu_seconds = 400
# c.Examine.memory_gib = 8
# c.Examine.processes = 256
# c.Examine.output_mib = 10              # of one cell
# c.Examine.disk_gib = 1
