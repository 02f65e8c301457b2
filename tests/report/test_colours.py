"""The page's colours: contrast for everybody, and lines that those who do not see red or green can tell apart."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations
from typing import Any

import numpy as np
import pytest

REPORT = files("hpcsweep.report")
# Machado, Oliveira & Fernandes 2009, severity 1.0, for linear RGB
SEEN_BY = {
    "everybody": np.eye(3),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
TEXTS = ("ink", "soft", "accent", "bad", "odd")
BACKS = ("paper", "fill", "tint")


def linear(colour: str) -> Any:
    """Linear RGB of `#rrggbb`."""
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (WCAG 2.2), from 1 to 21."""
    low, high = sorted(float(linear(colour) @ TO_XYZ[1]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, seen: Any) -> Any:
    """CIE L*a*b* of a colour as somebody sees it."""
    xyz = TO_XYZ @ np.clip(seen @ linear(colour), 0, 1) / WHITE
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def variables(theme: str) -> dict[str, str]:
    """The colours of a theme, by name."""
    css = (REPORT / "style/colours.css").read_text()
    block = re.search(rf'\[data-theme="{theme}"\] {{(.*?)}}', css, re.DOTALL)
    assert block
    return dict(re.findall(r"--([\w-]+): (#\w{6})", block[1]))


def palette(theme: str) -> list[str]:
    """The colours of lines in a theme."""
    found = re.search(rf"{theme}: \[(.*?)\]", (REPORT / "script/colours.js").read_text())
    assert found
    return re.findall(r"#\w{6}", found[1])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast(theme: str) -> None:
    """Every text has a contrast of at least 4.5 on everything it stands on; the states' names too (WCAG AA)."""
    colours = variables(theme)
    for text in TEXTS:
        for back in BACKS:
            assert contrast(colours[text], colours[back]) >= 4.5, (text, back)
    for part in (name for name in colours if name.endswith("-part") or name == "bar-tint"):
        assert contrast(colours["ink"], colours[part]) >= 4.5, part
    assert contrast(colours["edge"], colours["paper"]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("seen_by", SEEN_BY)
def test_lines_can_be_told_apart(theme: str, seen_by: str) -> None:
    """The ten colours of lines differ from each other by at least 15 (CIEDE2000), whoever looks, and show on paper."""
    from skimage.color import deltaE_ciede2000

    colours = palette(theme)
    assert len(colours) == 10
    seen = [lab(colour, SEEN_BY[seen_by]) for colour in colours]
    worst = min(float(deltaE_ciede2000(one, other)) for one, other in combinations(seen, 2))
    assert worst >= 15
    assert min(contrast(colour, variables(theme)["paper"]) for colour in colours) >= 2.9
