"""Question 1: what is asked? From a sweep file to the runs that it means. Nothing is trained, and NumPy is not needed.

Other rooms import `runs` (Run, Trajectory, ids), `load` (load_sweep, Sweep), `profile`, `settings` and
`value_types`. This file imports nothing, because workers need only `runs`, and neither pydantic nor the planner.
"""
