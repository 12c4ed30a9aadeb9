"""The page itself: text, data and script in one file, safe whatever images are called."""

import base64
import hashlib
import json
import platform
from datetime import date
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.colors import to_hex

from memfeat import _numerals
from memfeat._version import __version__
from memfeat.citing import references
from memfeat.plot.style import COLOURS, SCALES
from memfeat.report.contents import Contents, shortened
from memfeat.report.sections import Section
from memfeat.report.thumbs import PER_BLOCK, Pictures

__all__ = ["rendered"]

#: The page's script, in this order.
SCRIPTS = ("data", "state", "histogram", "grid", "map", "rdm", "start")
#: Bars of the distribution, at least and at most.
BARS = (5, 40)
#: Colours of a scale that the page holds; it mixes those between.
SHADES = 33
#: Okabe and Ito's colours for sets, from the one that stands out most.
GROUPS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
SIZE = "<dd>{size of this file}</dd>"
#: How the network and the toolkit are cited.
RESMEM, MEMFEAT = references()
#: What is said where ResMem predicted.
CAUTIONS = (
    "Predictions are of how a picture's memorability compares with that of other pictures. On images that ResMem was "
    "not trained on, ranks hold better than values: on 1,479 scenes predictions lie .11 below measured hit rates on "
    "average (computed from the tables of Rim et al., 2025).",
    "At or below the floor (dashed line) the predictor is saturated: such pictures are forgettable, but their order "
    "among themselves means little.",
    "ResMem was trained on scenes and objects (LaMem and MemCat), and its predictions of those two sets say nothing "
    "about how well it does on others. Its authors caution against using it for faces as it is: a rank correlation of "
    "about .2 on faces is quoted from their release notes.",
    "Between sets, a difference of predictions is no difference of memory: measure it.",
)


def rendered(contents: Contents, pictures: Pictures, sections: list[Section], *, title: str) -> str:
    """Write the page.

    Parameters
    ----------
    contents : Contents
        The images.
    pictures : Pictures
        Their pictures.
    sections : list of Section
        What was computed.
    title : str
        What stands above.

    Returns
    -------
    str
        HTML, which says how many bytes it has.
    """
    here = files("memfeat.report")
    script = "\n".join(here.joinpath("script", f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}\n}})();\n'
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    text = environment.from_string(here.joinpath("page.html.jinja").read_text(encoding="utf-8")).render(
        title=title,
        facts=_facts(contents, pictures),
        sections=[(one, _cells(one.frame)) for one in sections],
        unreadable=_cells(contents.unreadable()),
        missing=pictures.missing,
        made=_made(contents, sections),
        references=_once([MEMFEAT, *_cited(contents, sections)]),
        cautions=CAUTIONS if contents.by_resmem else (),
        resmem=_has_resmem(contents, sections),
        style=Markup(here.joinpath("page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_embedded(_data(contents, sections)),
        blocks=[_embedded(block) for block in pictures.blocks],
        today=date.today().isoformat(),
    )
    # half a character, as of file names that are no UTF-8, is spelt out: no file can hold it
    return _sized(text.encode("utf-8", "backslashreplace").decode())


def _has_resmem(contents: Contents, sections: list[Section]) -> bool:
    """Say whether scores or features came from ResMem, in any of its variants."""
    return contents.by_resmem or any("resmem" in str((one.attrs or {}).get("model", "")) for one in sections)


def _cited(contents: Contents, sections: list[Section]) -> list[str]:
    """List what the parts of the page cite."""
    network = [RESMEM] if _has_resmem(contents, sections) else []
    return [*network, *(text for one in sections for text in one.references)]


def _once(references: list[str]) -> list[str]:
    """Give each reference once, as it stands there first: parts of the page cite some without their address."""
    found: dict[str, str] = {}
    for text in references:
        found.setdefault(text.partition(" https://")[0], text)
    return list(found.values())


def _sized(text: str) -> str:
    """Say how large the file is where the page says so."""
    return text.replace(SIZE, f"<dd>{len(text.encode()) / 1e6:.1f} MB</dd>", 1)


def _facts(contents: Contents, pictures: Pictures) -> list[tuple[str, str]]:
    """Give what is said of the whole set."""
    values, floor = contents.scores.values, contents.floor
    digits = _numerals.places(float(values.std(ddof=1)) if values.size > 1 else 0.0)
    shown = [
        _numerals.number(float(one), digits) for one in (values.mean(), np.median(values), values.min(), values.max())
    ]
    spread = _numerals.number(float(values.std(ddof=1)), digits) if values.size > 1 else "–"
    bad = int((~contents.read).sum())
    rows = [
        ("Images", f"{len(contents.names)}"),
        ("Unreadable", f"{bad}"),
        (f"With {contents.score.replace('_', ' ')}", f"{values.size}"),
        ("Mean (SD)", f"{shown[0]} ({spread})"),
        ("Median", shown[1]),
        ("Range", f"{shown[2]} to {shown[3]}"),
    ]
    if floor is not None:
        below = int((values <= floor).sum())
        rows.append((f"At the floor (≤ {floor:.2f})", f"{below} ({100 * below / values.size:.1f} %)"))
    return [
        *rows,
        ("Pictures", f"{sum(one is not None for block in pictures.blocks for one in block)}"),
        ("File", SIZE.removeprefix("<dd>").removesuffix("</dd>")),
    ]


def _data(contents: Contents, sections: list[Section]) -> dict[str, Any]:
    """Give what the page's script works with."""
    return {
        "names": contents.names,
        "columns": contents.columns(),
        "score": contents.score,
        "by": contents.by,
        "sets": contents.sets,
        "floor": contents.floor,
        "flags": contents.flags(),
        "notes": contents.notes(),
        "bars": _bars(contents),
        "per": PER_BLOCK,
        "table": _lines(contents.frame()),
        "tables": {
            one.name: _text(one.frame if one.values is None else one.values)
            for one in sections
            if one.frame is not None
        },
        "colours": {name: _shades(SCALES[name]) for name in ("score", "distance")} | {"groups": GROUPS, **COLOURS},
    } | {one.name: one.data for one in sections if one.data is not None}


def _bars(contents: Contents) -> dict[str, list[Any]]:
    """Count images along the score, from one edge up to but without the next; the last bar has both."""
    # numbers and edges as the page holds them, so that it counts the same
    values = np.array([shortened(one) for one in contents.scores.values], float)
    few, many = BARS
    found = np.histogram_bin_edges(values, "auto").size - 1
    edges = np.array([shortened(one) for one in np.histogram_bin_edges(values, min(max(found, few), many))], float)
    return {"counts": np.histogram(values, edges)[0].tolist(), "edges": edges.tolist()}


def _shades(name: str) -> list[str]:
    return [to_hex(colormaps[name](at)) for at in np.linspace(0, 1, SHADES)]


def _text(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


def _lines(frame: pd.DataFrame) -> list[str]:
    """Give the CSV of a table row by row, the header first."""
    rows, row = [], ""
    for line in _text(frame).split("\n")[:-1]:
        row += f"{line}\n"
        # inside a cell with a line break a quotation mark is still open
        if row.count('"') % 2 == 0:
            rows.append(row)
            row = ""
    return rows


def _embedded(data: Any) -> Markup:
    """Write data as JSON that no file name can break out of."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)


def _cells(frame: pd.DataFrame | None) -> dict[str, list[Any]] | None:
    """Lay a table out for reading."""
    if frame is None:
        return None
    columns = {str(name): _shown(str(name), frame[name]) for name in frame.columns}
    return {"head": list(columns), "rows": [list(row) for row in zip(*columns.values(), strict=True)]}


def _shown(name: str, values: pd.Series) -> list[str]:
    if values.dtype.kind != "f":
        return ["" if pd.isna(one) else str(one) for one in values]
    if name in ("p", "p_corrected", "p_fdr") or name.endswith("_p"):
        return [_numerals.p_value(float(one), "") or "–" for one in values]
    digits = 0 if np.all(values.dropna() == values.dropna().round()) else 3
    return [_numerals.number(float(one), digits) for one in values]


def _made(contents: Contents, sections: list[Section]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Say where everything came from."""
    parts = [("Images and predictions", contents.table.attrs)]
    parts += [(one.title, one.attrs) for one in sections if one.attrs]
    software = {
        "memfeat": __version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "Python": platform.python_version(),
    }
    return [
        (name, [(str(key), _plain(value)) for key, value in attrs.items()])
        for name, attrs in [*parts, ("Software", software)]
    ]


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | np.ndarray) else str(value)
