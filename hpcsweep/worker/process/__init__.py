"""The process of a worker: the child that trains, what it prints, its threads, and how the job's code is loaded.

What starts workers imports `threads`, to pin each to a core.
"""
