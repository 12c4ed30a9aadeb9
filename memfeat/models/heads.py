"""Heads that were fitted: what one is, and its folder of weights, facts, split and model card."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from memfeat._check import advice, listed
from memfeat._labels import SCHEMA
from memfeat.errors import ArgumentError, MissingFileError, WeightsError
from memfeat.models.cards import card

__all__ = ["Head", "destination", "read_head"]

WEIGHTS, FACTS, SPLIT, CARD = "head.safetensors", "head.json", "split.csv", "README.md"
#: What saving adds to the facts.
ADDED = ("memfeat_schema", "kind", "head_sha256")
FIT_AGAIN = "Copy the whole folder again, or fit the head again: mf.training.fit_head(images, scores)."


@dataclass(frozen=True, eq=False)
class Head:
    """What turns a network's features into a score: fitted weights, and everything about how they came to be.

    Attributes
    ----------
    kind : str
        "ridge" or "mlp".
    tensors : mapping of Tensor
        The weights, by name.
    facts : mapping
        How it was fitted: `trunk` (in words), `trunk_sha256` (which it fits and no other), `layers`, `data`, `split`,
        `recipe`, `result`, `near_duplicates`, `seed`, versions.
    split : DataFrame
        One row per image: `image`, `sha256`, `part` ("train" or "validation"), `score`, `prediction`.

    Notes
    -----
    `mf.models.load("resmem-frozen", head=head)` and `mf.models.with_head(model, head)` make a network of it, which
    `mf.predict` takes.
    """

    kind: str
    tensors: Mapping[str, Tensor] = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)
    split: pd.DataFrame = field(repr=False)

    @property
    def sha256(self) -> str:
        """The sha256 of the weights as they are stored."""
        return hashlib.sha256(self._weights()).hexdigest()

    def save(self, folder: str | Path, *, licence: str | None = None) -> Path:
        """Write the head to a folder that can be shared.

        Parameters
        ----------
        folder : path
            Where to. It is made; a head that is there is replaced.
        licence : str, optional
            Under which terms you pass the head on; kept with it, and in its card.

        Returns
        -------
        Path
            The folder: `head.safetensors` (weights), `head.json` (facts), `split.csv` (which images it was trained
            and validated on) and `README.md` (the model card). The same head gives the same bytes.

        Raises
        ------
        ArgumentError
            If there is a file of that name, a folder that holds something else, or it cannot be written.
        """
        where = destination(folder)
        where.mkdir(parents=True, exist_ok=True)
        weights = self._weights()
        facts = {"memfeat_schema": SCHEMA, "kind": self.kind, **self.facts}
        facts |= {} if licence is None else {"licence": licence}
        facts["head_sha256"] = hashlib.sha256(weights).hexdigest()
        # Facts come last: a folder without them is no head, and weights that they do not fit are refused.
        for name, content in {
            WEIGHTS: weights,
            SPLIT: self.split.to_csv(index=False, lineterminator="\n").encode(),
            CARD: card(facts).encode(),
            FACTS: (json.dumps(facts, indent=2) + "\n").encode(),
        }.items():
            part = where / f"{name}.part"
            part.write_bytes(content)
            part.replace(where / name)
        return where

    def _weights(self) -> bytes:
        tensors = {name: self.tensors[name].detach().cpu().contiguous() for name in sorted(self.tensors)}
        # One entry only: safetensors writes several in an order that changes from run to run.
        stored: bytes = save(tensors, metadata={"memfeat_schema": str(SCHEMA)})
        return stored


def destination(folder: str | Path, argument: str = "folder") -> Path:
    """Make sure, before the work begins, that a head can be written to a folder.

    Parameters
    ----------
    folder : path
        Where to. Nothing is made yet.
    argument : str
        What the user calls it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ArgumentError
        If there is a file of that name, a folder that holds something else, or it cannot be written.
    """
    where = Path(folder).expanduser()
    if where.exists() and not (where.is_dir() and ((where / FACTS).is_file() or not any(where.iterdir()))):
        remedy = "Name a new folder, or one that holds a head."
        raise ArgumentError(advice(argument, "be new, empty or hold a head", str(folder), remedy))
    there = next(one for one in (where, *where.absolute().parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ArgumentError(advice(argument, "be a folder that can be written", str(folder), "Choose another place."))
    return where


def read_head(source: Any) -> Head:
    """Read a head from its folder, after checking that it is whole.

    Parameters
    ----------
    source : path or Head
        The folder, or a file in it; a Head is given back.

    Returns
    -------
    Head
        The head.

    Raises
    ------
    ArgumentError
        If it is neither.
    MissingFileError
        If there is no such folder, or a file is missing in it.
    WeightsError
        If a newer memfeat wrote it, or it is damaged.
    """
    if isinstance(source, Head):
        return source
    if not isinstance(source, str | Path):
        remedy = "Pass 'released', the folder of a saved head, or what mf.training.fit_head returns."
        raise ArgumentError(advice("head", "be a head or its folder", source, remedy))
    where = Path(source).expanduser()
    where = where.parent if where.is_file() else where
    missing = [name for name in (FACTS, WEIGHTS, SPLIT) if not (where / name).is_file()]
    if missing:
        remedy = (
            f"A saved head is a folder with {FACTS}, {WEIGHTS} and {SPLIT}: fit one with mf.training.fit_head(images, "
            "scores, head='ridge'), or 'mlp'. 'released' is the released head."
        )
        raise MissingFileError(advice("head", "be the folder of a saved head", str(source), remedy))
    facts = _facts(where / FACTS)
    if hashlib.sha256((where / WEIGHTS).read_bytes()).hexdigest() != facts["head_sha256"]:
        raise WeightsError(advice("head", f"have the sha256 that {FACTS} names", str(where / WEIGHTS), FIT_AGAIN))
    try:
        tensors = load_file(where / WEIGHTS)
    except SafetensorError as error:
        raise WeightsError(advice("head", "be a safetensors file", str(where / WEIGHTS), FIT_AGAIN)) from error
    own = {key: value for key, value in facts.items() if key not in ADDED}
    return Head(str(facts["kind"]), tensors, own, _split(where / SPLIT))


def _split(path: Path) -> pd.DataFrame:
    text = pd.read_csv(path, dtype=object, na_filter=False)
    # Python's own parser gives every float back to the bit, whichever pandas this is.
    kinds = dict.fromkeys(("score", "prediction"), float)
    return pd.DataFrame({name: list(map(kinds.get(str(name), str), column)) for name, column in text.items()})


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        schema, _, _ = int(facts["memfeat_schema"]), facts["kind"], facts["head_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(advice("head", "say how it was fitted", str(path), FIT_AGAIN)) from error
    if schema > SCHEMA:
        found = listed(f"{schema}, written by a newer memfeat ({facts.get('memfeat_version', 'unknown')})")
        remedy = "Update memfeat: pip install --upgrade memfeat"
        raise WeightsError(advice("head", f"have a memfeat_schema of at most {SCHEMA}", found, remedy))
    checked: dict[str, Any] = facts
    return checked
