"""The documentation as a site: it builds without a warning, and is read without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

FETCHED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["'](?:https?:)?//""")


def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    """`mkdocs build --strict` passes, and no page loads anything from another host."""
    ended = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 5
    assert [str(page) for page in pages if FETCHED.search(page.read_text())] == []
    assert not [sheet for sheet in tmp_path.rglob("*.css") if re.search(r"url\((?:https?:)?//", sheet.read_text())]
