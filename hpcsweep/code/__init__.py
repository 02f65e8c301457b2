"""The user's code as values: which files a job is made of, what they mean, and where two versions of it differ. Pure.

Others import: `closure` (the files of a job, found without running them), `imports` (what one import names), `version`
(CodeVersion, Change).
"""
