"""Every file of the companion app is AL, by a grammar from a package.

The package is published for Python 3.12 and later only. Its wheel runs on 3.11 all
the same, so CI, which is on 3.11, adds it to the environment itself (.ci/run).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path

import pytest

from tests.deployments.al import APP, preprocessed, sources

IS_MISSING = importlib.util.find_spec("tree_sitter_al") is None


@pytest.mark.skipif(
    IS_MISSING and not os.environ.get("CI"),
    reason="tree-sitter-al is not published for this Python",
)
@pytest.mark.parametrize("symbols", [(), ("PRICELISTS",)], ids=["", "PRICELISTS"])
@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_file_is_al(path: Path, symbols: tuple[str, ...]) -> None:
    """The grammar finds no error, before nor after the preprocessor."""
    tree_sitter = importlib.import_module("tree_sitter")
    grammar = importlib.import_module("tree_sitter_al")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    text = path.read_text(encoding="utf-8")
    for form in (text, preprocessed(text, *symbols)):
        assert not parser.parse(form.encode()).root_node.has_error


def test_every_file_is_al_source() -> None:
    """Nothing but AL lies among the sources, so nothing escapes the grammar."""
    strays = [p for p in (APP / "src").rglob("*") if p.is_file() and p.suffix != ".al"]
    assert [] == strays
