"""Derive each notebook from its script in analyses/, execute it, and write it so that the same run gives the same file.

Called by `make notebooks`; with names of scripts (`02_alike_to_people`) these only.
"""

import os
import sys
from pathlib import Path

import jupytext
import nbclient
import nbformat

ROOT = Path(__file__).parents[1]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def derive(script: Path) -> Path:
    """Turn a script into an executed notebook."""
    notebook = jupytext.read(script)
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02}", {}
    # what is printed comes in pieces, which differ from run to run
    options = {"kernel_name": KERNEL["name"], "record_timing": False, "coalesce_streams": True}
    client = nbclient.NotebookClient(notebook, timeout=7200, **options)
    client.execute(cwd=str(ROOT))
    for cell in notebook.cells:
        # progress and remarks are for whoever runs it, not for whoever reads it
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    target = ROOT / "notebooks" / f"{script.stem}.ipynb"
    nbformat.write(notebook, target)
    return target


def chosen(names: list[str]) -> list[Path]:
    """Give the scripts of these names, or all."""
    scripts = {path.stem: path for path in sorted((ROOT / "analyses").glob("*.py"))}
    if unknown := sorted(set(names) - set(scripts)):
        sys.exit(f"There is no analysis {', '.join(unknown)}; there are {', '.join(scripts)}.")
    return [path for stem, path in scripts.items() if stem in names or not names]


if __name__ == "__main__":
    os.environ.pop("MPLBACKEND", None)
    # a notebook shows the analysis of all images
    os.environ.pop("MEMFEAT_IMAGES", None)
    for path in chosen(sys.argv[1:]):
        sys.stdout.write(f"{derive(path).relative_to(ROOT)}\n")
