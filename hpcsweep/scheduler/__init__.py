"""Names of the previous release, which queued batch scripts and submitit's pickles still use; gone in the next one."""
