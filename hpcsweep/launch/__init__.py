"""Question 2: who starts it? What `plan`, `run`, `submit`, `status`, `verify` and `clean` do, as functions.

No terminal is drawn here: functions return values and tell what happens through the `say` that they are given.
"""
