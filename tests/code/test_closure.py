"""Which files a job is made of, found without running them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsweep.code.closure import files_of_job
from hpcsweep.errors import JobError


def study(root: Path, files: dict[str, str]) -> Path:
    """Write a study."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_every_way_to_import_is_followed(tmp_path: Path) -> None:
    """Packages, relative imports, `import a.b`, imports in functions and `try`, and literal import_module."""
    files = {
        "jobs/train.py": "import numpy, helper\nimport nets.deep\nfrom nets.parts import wide\n"
        "def train(run):\n    from lib import late\n    import importlib\n    importlib.import_module('lib.literal')\n"
        "try:\n    import lib.fast as fast\nexcept ImportError:\n    import lib.slow as fast\n",
        "jobs/helper.py": "from lib import *\n",
        "jobs/unused.py": "",
        "lib/__init__.py": "from . import base\n",
        "lib/base.py": "from .sub.leaf import x\nfrom ..lib import other\n",
        "lib/other.py": "",
        "lib/sub/leaf.py": "x = 1",
        "lib/late.py": "",
        "lib/literal.py": "",
        "lib/slow.py": "",
        "lib/nobody.py": "",
        "nets/__init__.py": "",
        "nets/deep.py": "",
        "nets/parts/__init__.py": "",
        "nets/parts/wide.py": "",
        "nets/parts/narrow.py": "",
    }
    found = files_of_job(study(tmp_path, files), ["jobs/train.py"])
    assert set(files) - set(found) == {"jobs/unused.py", "lib/nobody.py", "nets/parts/narrow.py"}
    assert found["lib/sub/leaf.py"] == b"x = 1"


def test_the_jobs_folder_comes_before_the_study(tmp_path: Path) -> None:
    """Of two modules of one name the one beside the job is meant, as Python finds it; cycles end."""
    files = {"jobs/a.py": "import both\n", "jobs/both.py": "import a\n", "both.py": ""}
    assert list(files_of_job(study(tmp_path, files), ["jobs/a.py"])) == ["jobs/a.py", "jobs/both.py"]


def test_what_the_sweep_includes_is_code_too(tmp_path: Path) -> None:
    """Patterns name files and folders; included modules are followed; one that names nothing is refused."""
    files = {"jobs/a.py": "", "conf/x.json": "{}", "conf/deep/y.json": "{}", "plug/in.py": "import dep", "dep.py": ""}
    root = study(tmp_path, files)
    assert set(files_of_job(root, ["jobs/a.py"], ["conf", "plug/*.py"])) == set(files)
    for wrong in ("cnf/*", "../*", "/etc/passwd", ""):
        with pytest.raises(JobError, match="names no file"):
            files_of_job(root, ["jobs/a.py"], [wrong])
