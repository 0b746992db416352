"""The notebook runs from its first cell to its last, on a small log, and shows what it says."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "training" / "train.ipynb"


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (chosen,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    chosen.source += f"\nOUT = Path({str(folder / 'out')!r})\nBLOCKS, STEPS = 150, 8"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parents[1])}}).execute()
    return list(notebook.cells)


def printed(cells: list[Any]) -> str:
    return "".join(each.get("text", "") for cell in cells if cell.cell_type == "code" for each in cell.outputs)


def test_it_has_ten_cells_and_lies_here_without_results() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) == 10
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_it_goes_from_lines_to_a_checkpoint_and_to_what_labels_say_of_it(cells: list[Any]) -> None:
    said = printed(cells)
    for part in ("lines; the first:", "windows,", "chosen without labels", "are called anomalous", "ROC-AUC"):
        assert part in said


def test_it_shows_the_curves_the_scores_and_the_vectors(cells: list[Any]) -> None:
    pictures = [
        each
        for cell in cells
        if cell.cell_type == "code"
        for each in cell.outputs
        if "image/png" in each.get("data", {})
    ]
    assert len(pictures) == 3
