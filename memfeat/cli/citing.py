"""The command that says how to cite what was done."""

import json
from pathlib import Path
from typing import Any

import click

from memfeat.cli.manners import messages
from memfeat.cli.options import FILE, manners, overwrite
from memfeat.cli.outputs import destination

__all__ = ["cite"]

#: Style of references → style of the text that cites them.
STYLES = {"apa": "text", "bibtex": "latex", "csl-json": "markdown"}


@click.command(short_help="Say how to cite memfeat and what was done.")
@click.argument("files", nargs=-1, type=FILE)
@click.option(
    "--style",
    type=click.Choice(list(STYLES)),
    default="apa",
    show_default=True,
    help="How works are written; with --methods the text cites them by author, as LaTeX or as Markdown.",
)
@click.option("--methods", "told", is_flag=True, help="First a paragraph for a methods section: what was done.")
@click.option("-o", "--out", type=FILE, help="Write to this text file.")
@overwrite
@manners
def cite(files: tuple[Path, ...], style: str, told: bool, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Say how to cite memfeat, ResMem and the methods behind FILES, results that other commands wrote.

    FILES are tables with their FILE.csv.json beside them, .nc files, feature stores and folders of heads. Without any,
    how to cite memfeat and ResMem.

    Example: memfeat cite predictions.csv features.zarr rsa.csv --methods

    For LaTeX: memfeat cite rsa.csv --style bibtex -o references.bib
    """
    from memfeat import citing

    if told and not files:
        raise click.UsageError("--methods tells what FILES say; name some, such as rsa.csv.")
    out = destination(out, endings=())
    with messages(quiet=quiet):
        results = [citing.read(file) for file in files]
        works = citing.references(*results, style=style)
        paragraph = citing.methods(*results, style=STYLES[style]) if told else ""
    text = f"{paragraph}\n\n{_joined(works, style)}" if paragraph else _joined(works, style)
    if out is not None:
        out.write_text(f"{text}\n", encoding="utf-8")
    if as_json:
        found: dict[str, Any] = {"methods": paragraph} if told else {}
        listed = [json.loads(one) for one in works] if style == "csl-json" else works
        found |= {"references": listed, "versions": citing.versions()}
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    elif out is not None:
        click.echo(f"Wrote {out} ({len(works)} works).")
    else:
        click.echo(text)


def _joined(works: list[str], style: str) -> str:
    """Put works together as a file of their style holds them."""
    if style == "csl-json":
        return "[\n" + ",\n".join(works) + "\n]"
    return "\n\n".join(works) if style == "bibtex" else "\n".join(works)
