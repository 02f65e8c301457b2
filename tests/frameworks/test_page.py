"""The page about other frameworks shows the jobs that are tested."""

from __future__ import annotations

from tests.conftest import REPOSITORY
from tests.docs.session import blocks


def test_the_page_shows_the_jobs_as_they_are() -> None:
    """Each job on the page is, word for word, the file in jobs/."""
    shown = {block.title: block.text for block in blocks(REPOSITORY / "docs" / "how-to" / "frameworks.md")}
    assert len(shown) == 4
    assert all((REPOSITORY / str(title)).read_text() == text for title, text in shown.items())
