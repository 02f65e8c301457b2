"""Names of the release before, which queued batch scripts and submitit's pickles still hold; gone after this one."""
