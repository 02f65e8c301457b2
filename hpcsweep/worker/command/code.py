"""A command as code: the files that it names, and the job that runs it."""

from __future__ import annotations

from functools import cached_property

from hpcsweep.store import Store
from hpcsweep.store.manifest import Manifest
from hpcsweep.sweep.command import Command, require_program
from hpcsweep.worker.command.job import CommandJob
from hpcsweep.worker.process.snapshot_code import SnapshotCode


class CommandCode(SnapshotCode):
    """The command of a manifest, and the files of the study that belong to it."""

    def __init__(self, store: Store, manifest: Manifest, command: Command) -> None:
        """Read the files; StoreError if the snapshot is not what was kept, JobError if there is no such program.

        It is asked for before anything is claimed, so that no run fails where the whole command cannot run.
        """
        super().__init__(store, manifest)
        self._command, self._options = command, manifest.settings.command or {}
        if not self._options.get("container"):
            require_program(manifest.job, self.files)

    def warm_up(self) -> None:
        """A program starts with its run: there is nothing to do ahead."""

    @cached_property
    def function(self) -> CommandJob:
        """The job that runs the command."""
        self.after_import()
        return CommandJob(self._command, self._options, self.files)
