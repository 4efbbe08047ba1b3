"""The fault matrix: every call of every workflow, broken in every way; `python -m tests.faults`.

Read: `workflows` says what is run, `kinds` how a call is broken, `arena` runs a batch of cases in
one cloud, `evidence` collects what one case left, `invariants` judges it, `matrix` makes the lists
of cases, `page` the table.
"""
