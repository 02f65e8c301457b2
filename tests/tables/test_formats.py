"""The forms of a table: golden texts, and values that stay values whatever is in them."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.errors import UsageError
from hpcsweep.results.query.labels import key_texts
from hpcsweep.tables import Table, render, table
from tests.made_results import results_of

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b`c`",
    "50% & $x_1^2$ \\input{x}",
    "=1+1",
    "[x]",
    "\x1b[31mred\nline",
    '"~#{',
]


def small() -> Table:
    """Two depths by two optimizers by three seeds."""
    runs = [
        {"layers": n, "optimizer": o, "seed": s, "last_accuracy": 0.1 * n + 0.01 * s + (0.1 if o == "adam" else 0)}
        for n in (2, 3)
        for o in ("adam", "adagrad")
        for s in range(3)
    ]
    return table(results_of(runs, ["layers", "optimizer"]), values=["last_accuracy"])


def hostile(**options: Any) -> Table:
    """One row for each hostile value."""
    runs = [{"name": text, "last_accuracy": 0.5} for text in HOSTILE]
    return table(results_of(runs, ["name"]), values=["last_accuracy"], **options)


def test_the_text_is_this() -> None:
    """The terminal's form, whole."""
    assert render(small()) == (
        "made up: last_accuracy\n"
        "\n"
        "layers     optimizer adam   optimizer adagrad\n"
        "----------------------------------------------\n"
        "2       0.310 ± 0.010 (3)   0.210 ± 0.010 (3)\n"
        "3       0.410 ± 0.010 (3)*  0.310 ± 0.010 (3)\n"
        "\n"
        "A cell is the mean ± sample standard deviation (n runs); ± is the spread of the runs, not an\n"
        "interval. * marks the best, and what the seeds cannot tell from it.\n"
    )


def test_the_markdown_is_this() -> None:
    """GitHub's Markdown, whole."""
    assert render(small(), "md") == (
        "**made up: last\\_accuracy**\n"
        "\n"
        "| layers | optimizer adam | optimizer adagrad |\n"
        "| :-- | --: | --: |\n"
        "| 2 | 0.310 ± 0.010 (3) | 0.210 ± 0.010 (3) |\n"
        "| 3 | **0.410 ± 0.010 (3)** | 0.310 ± 0.010 (3) |\n"
        "\n"
        "- A cell is the mean ± sample standard deviation (n runs); ± is the spread of the runs, not an interval. "
        "\\* marks the best, and what the seeds cannot tell from it.\n"
    )


def test_the_latex_is_this() -> None:
    """A booktabs table, whole."""
    assert render(small(), "latex") == (
        "\\begin{table}\n\\centering\n\\caption{made up: last\\_accuracy}\n"
        "\\begin{tabular}{lrr}\n\\toprule\n"
        "layers & \\multicolumn{1}{r}{optimizer adam} & \\multicolumn{1}{r}{optimizer adagrad} \\\\\n\\midrule\n"
        "2 & 0.310 \\(\\pm\\) 0.010 (3) & 0.210 \\(\\pm\\) 0.010 (3) \\\\\n"
        "3 & \\textbf{0.410 \\(\\pm\\) 0.010 (3)} & 0.310 \\(\\pm\\) 0.010 (3) \\\\\n"
        "\\bottomrule\n\\end{tabular}\n"
        "\\par\\smallskip\\parbox{0.95\\linewidth}{\\footnotesize A cell is the mean \\(\\pm\\) sample standard "
        "deviation (n runs); \\(\\pm\\) is the spread of the runs, not an interval. "
        "\\textbf{Bold} marks the best, and what the seeds cannot tell from it.}\n"
        "\\end{table}\n"
    )


def test_csv_is_tidy_and_exact() -> None:
    """CSV has one line per cell with numbers that read back exactly."""
    rows = list(csv.DictReader(io.StringIO(render(small(), "csv"))))
    assert len(rows) == 4
    assert float(rows[0]["mean"]) == small().cells[(2,), ("adam",), 0].mean
    assert list(rows[0]) == ["layers", "optimizer", "metric", "mean", "std", "n", "states"]


def test_a_narrow_terminal_gets_blocks_of_columns() -> None:
    """No line is wider than asked, and every column is there."""
    runs = [{"a": n, "b": m, "last_accuracy": 0.5} for n in range(3) for m in range(6)]
    made = table(results_of(runs, ["a", "b"]), values=["last_accuracy", "time_s"])
    text = render(made, "text", 50)
    assert max(map(len, text.splitlines())) <= 50
    assert all(f"b {m}" in text for m in range(6))
    assert text.count("0.5000 (1)") == 18


def test_long_labels_are_folded_in_a_narrow_terminal_only() -> None:
    """Row labels wider than the terminal go on in the next line; LaTeX has one row, and says so if it is long."""
    runs = [
        {"a": "a long label of one row " * 3 + str(n), "b": m, "last_accuracy": 0.5} for n in (1, 2) for m in range(7)
    ]
    made = table(results_of(runs, ["a", "b"]), rows=["a"], cols=["b"], values=["last_accuracy"])
    assert max(map(len, render(made, "text", 50).splitlines())) <= 50
    assert " ".join(("a long label of one row " * 3 + "1").split()) in render(made, "text", 1000)
    assert "% 7 columns in one row" in render(made, "latex")


@pytest.mark.parametrize("form", ["text", "md", "csv", "latex", "html"])
def test_an_empty_text_a_missing_value_and_words_differ(form: str) -> None:
    """What differs never looks alike: "", None, "None", "none", 1, "1", true and "true" head rows of their own."""
    values: list[Any] = ["", None, "None", "none", 1, "1", True, "true", ("a",), "[a]"]
    made = table(
        results_of([{"a": v, "last_accuracy": 0.5} for v in values[:4] + values[6:]], ["a"]), values=["time_s"]
    )
    lines = [line for line in render(made, form).splitlines() if "1 (1)" in line or ",time_s,1.0," in line]
    assert len(set(lines)) == 8
    assert key_texts(values) == ['""', "None", '"None"', "none", "1", '"1"', "true", '"true"', "[a]", '"[a]"']


@pytest.mark.parametrize("form", ["text", "md", "csv", "latex", "html", "json"])
def test_hostile_values_stay_text(form: str) -> None:
    """No value can put a control character, a tag or a command into any format."""
    text = render(hostile(), form)
    if form in ("text", "md", "latex", "html"):
        assert "\x1b" not in text
    if form == "html":
        tags: list[str] = []
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
        parser.feed(text)
        assert "script" not in tags
        assert "&lt;script&gt;" in text
    if form == "latex":
        assert r"\input" not in text
    if form == "md":
        assert all(line.replace(r"\|", "").count("|") == 3 for line in text.splitlines() if line.startswith("|"))


def test_latex_compiles(tmp_path: Path) -> None:
    """The LaTeX of nested, hostile and partly missing tables compiles with booktabs."""
    if shutil.which("pdflatex") is None:
        if os.environ.get("CI") == "true" and os.environ.get("HPCSWEEP_TEX") == "required":
            pytest.fail("CI shall prove the LaTeX, but pdflatex is not installed")
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-recommended)")
    runs = [{"a": n, "o": o, "last_accuracy": n / 9, "last_loss": 1.0 + n} for n in (1, 2) for o in ("x", "y")][:-1]
    nested = table(results_of(runs, ["a", "o"]), rows=["a"], cols=["o"], values=["last_accuracy", "last_loss"])
    body = render(nested, "latex") + render(hostile(), "latex") + render(hostile(kind="ci"), "latex")
    head = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs}\\begin{document}\n"
    (tmp_path / "t.tex").write_text(f"{head}{body}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "t.pdf").stat().st_size > 1000


def test_an_unknown_format_is_refused() -> None:
    """A format that does not exist is refused with the ones that do."""
    with pytest.raises(UsageError, match="expected one of text, md, csv, latex, html, json"):
        render(small(), "word")
