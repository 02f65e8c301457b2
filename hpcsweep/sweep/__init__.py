"""Question 1: what is asked? From a sweep file to the runs that it means. Nothing is trained, no NumPy is needed.

Other rooms import `runs` (Run, Trajectory, ids), `load` (load_sweep, Sweep), `profile`, `settings` and
`value_types`. This file imports nothing: workers need `runs` alone, and neither pydantic nor the planner.
"""
