"""A table in Markdown and in LaTeX. A parameter's value stays text, whatever characters are in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpcsweep.tables.formats.grid import Grid, blank_repeats

LONG_LABEL = 40
MANY = 6
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "±": r"\(\pm\)",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "≥": r"\(\geq\)",
    "≤": r"\(\leq\)",
}


def to_markdown(grid: Grid) -> str:
    """Return the table as GitHub's Markdown: the best in bold, headings of several lines joined, notes below.

    It is never folded: viewers let a wide table scroll.
    """
    heads = [*map(_markdown, grid.stubs), *(_markdown(", ".join(column)) for column in zip(*grid.levels, strict=True))]
    lines = [_row(heads), _row([":--"] * len(grid.stubs) + ["--:"] * len(grid.levels[0]))]
    for label, cells in zip(grid.labels, grid.cells, strict=True):
        texts = [f"**{_markdown(cell.text)}**" if cell.best else _markdown(cell.text) for cell in cells]
        lines.append(_row([*map(_markdown, label), *texts]))
    notes = [f"- {_markdown(note)}" for note in grid.notes]
    return "\n".join([f"**{_markdown(grid.caption)}**", "", *lines, "", *notes]) + "\n"


def to_latex(grid: Grid) -> str:
    r"""Return a `table` environment for LaTeX.

    Its document needs \usepackage{booktabs} and \usepackage[T1]{fontenc}. It is never folded: of more than MANY columns
    a comment says so.
    """
    columns = "".join(map(_stub_column, zip(*grid.labels, strict=True))) + "r" * len(grid.levels[0])
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_latex(grid.caption)}}}"]
    if len(grid.levels[0]) > MANY:
        lines.append(f"% {len(grid.levels[0])} columns in one row: if that is too wide, use \\small, or fewer --cols")
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    for level in range(len(grid.levels)):
        lines += _latex_heading(grid, level)
    lines.append(r"\midrule")
    for label, cells in zip(blank_repeats(grid.labels), grid.cells, strict=True):
        texts = [rf"\textbf{{{_latex(cell.text)}}}" if cell.best else _latex(cell.text) for cell in cells]
        lines.append(_latex_row([*map(_latex, label), *texts]))
    lines += [r"\bottomrule", r"\end{tabular}"]
    if grid.notes:
        width = r"\par\smallskip\parbox{0.95\linewidth}{\footnotesize "
        lines.append(
            width + " ".join(_latex(note) for note in grid.notes).replace(" * marks", r" \textbf{Bold} marks") + "}"
        )
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _row(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text).replace("--", "-{}-")  # two hyphens, not a dash


def _stub_column(labels: Sequence[str]) -> str:
    return r"p{0.3\linewidth}" if max(map(len, labels)) > LONG_LABEL else "l"  # a paragraph: a line would be too wide


def _latex_row(texts: list[str]) -> str:
    # a row that begins with a bracket would be read as an option of the \\ before it
    return " & ".join(f"{{{text}}}" if text.startswith("[") else text for text in texts) + r" \\"


def _latex_heading(grid: Grid, level: int) -> list[str]:
    last = level == len(grid.levels) - 1
    texts = [_latex(name) if last else "" for name in grid.stubs]
    rules, column = [], len(grid.stubs)
    for text, span in grid.spans(level):
        texts.append(rf"\multicolumn{{{span}}}{{{'r' if last else 'c'}}}{{{_latex(text)}}}")
        rules.append(rf"\cmidrule(lr){{{column + 1}-{column + span}}}")
        column += span
    return [_latex_row(texts)] + ([] if last else ["".join(rules)])
