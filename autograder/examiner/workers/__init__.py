"""The examiner's half of a worker: start one in the strongest jail that this machine has, let it run cells, ask it, end it.

Nothing in here runs beside a student's code; nothing that a worker says is believed but its form.
"""
