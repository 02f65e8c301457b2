"""Who may write into a store: its owner alone, or a group that its owner trusts, since whoever may can run code as us.

A store is shared if its folder has the set-group-ID bit and is writable by its group, as `git init --shared` does it:
all that is written then belongs to the group and can be written by it, whatever the umask. Only the folders of
submissions, from which workers take orders, stay their owner's.
"""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

from hpcsweep.errors import StoreError, UsageError, shell

_OF_GROUP = stat.S_IRWXG
_SHARED = stat.S_ISGID | stat.S_IWGRP
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def share(root: Path, group: str) -> None:
    """Let a group read and write a store, new or not; UsageError if there is no such group, or if that is not ours."""
    root.mkdir(parents=True, exist_ok=True)
    try:
        group_id, now = grp.getgrnam(group).gr_gid, root.stat()
        if now.st_gid == group_id and now.st_mode & _SHARED == _SHARED:
            return
        for top, folders, names in os.walk(root, topdown=False):
            of_submission = "sweeps" in Path(top).relative_to(root).parts[:-2]
            links = [name for name in folders if Path(top, name).is_symlink()]
            for path in (*(Path(top, name) for name in (*names, *links)), Path(top)):
                _give(path, group_id, writable=not of_submission)
    except (KeyError, PermissionError) as error:
        raise UsageError(
            f"--shared {group}: the store {root} cannot be given to this group ({error}); expected one that you are "
            "in, and a store of your own; see: groups"
        ) from error


def _give(path: Path, group_id: int, *, writable: bool) -> None:
    os.chown(path, -1, group_id, follow_symlinks=False)
    if path.is_symlink():  # what it leads to may be anything
        return
    bits = stat.S_IRGRP | (stat.S_IWGRP if writable else 0)
    path.chmod(path.stat().st_mode | bits | (stat.S_IXGRP | stat.S_ISGID if path.is_dir() else 0))


def obey_sharing(root: Path) -> None:
    """Refuse a store that everybody can write; in a shared one, let this process write for the group.

    StoreError for the first, since anybody could have put code there that would run as us.
    """
    try:
        mode = root.stat().st_mode
    except FileNotFoundError:
        return
    if mode & stat.S_IWOTH:
        raise StoreError(
            f"the store {root} can be written by everybody, who could run code as you; expected one that only you, or "
            f"a group that you trust (--shared GROUP), can write; type: {shell('chmod', 'o-w', root)}"
        )
    if mode & _SHARED == _SHARED:
        os.umask(os.umask(0) & ~_OF_GROUP)


def keep_to_owner(folder: Path) -> None:
    """Let only the owner write into a folder."""
    folder.chmod(folder.stat().st_mode & ~_OF_OTHERS)


def require_own(folder: Path) -> None:
    """Raise StoreError unless the folder of a submission is this user's, and nobody outside the group can write it."""
    status = folder.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH or not stat.S_ISDIR(status.st_mode):
        raise StoreError(
            f"{folder}: belongs to another user, or can be written by everybody; expected a submission of your own; "
            "submit the sweep again"
        )
