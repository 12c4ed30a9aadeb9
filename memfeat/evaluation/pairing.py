"""One prediction and one score per image, matched by name, and how such images are drawn again."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, generator, known_options, listed
from memfeat._labels import IMAGE, as_scores, image_names, in_name_order, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.evaluation.overlap import noted
from memfeat.stats import bootstrap_counts
from memfeat.stats.exchange import Scheme, units

__all__ = ["Column", "Draws", "Pair", "Sampling", "columns", "draws", "pair", "per_image"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Column = xr.Dataset | xr.DataArray | pd.Series
#: Numbers in one block of bootstrap samples: what 60,000 images need must fit beside everything else.
BLOCK = 4_000_000
#: Groups that are left out, one at a time, for the acceleration of an interval; with more images, several go together.
LEFT_OUT = 1_000


class Sampling(TypedDict, total=False):
    """How images are drawn again for an interval: options that every evaluation takes.

    `blocks` : DataArray (image) or Series, the group of each image (category, scene, participant).
    `permute` : "free" (groups are ignored), "within" (images are drawn inside their group) or "whole" (groups are drawn
    as a whole). Must be named when blocks are given.
    """

    blocks: xr.DataArray | pd.Series
    permute: Scheme


class Pair(NamedTuple):
    """Predictions and scores of the same images, in the order of their names."""

    prediction: Array  # (n,)
    score: Array  # (n,)
    images: xr.DataArray  # (n,) names, with the coordinates of the predictions
    facts: dict[str, Any]  # attributes of the predictions
    called: dict[str, Any]  # what both are called, how many images were left out, and which are known training data


def pair(predictions: Column, scores: xr.DataArray | pd.Series, argument: str = "predictions") -> Pair:
    """Match predictions and scores by image name.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any number per image. Images that `mf.predict` could not read are left out.
    scores : DataArray (image) or pandas.Series
        What was measured.
    argument : str
        What the user calls the predictions.

    Returns
    -------
    Pair
        Both, in the order of the images' names.

    Raises
    ------
    KindError
        If either holds no labelled numbers.
    ArgumentError
        If images differ, a value is missing, or there are fewer than three images.
    """
    facts = dict(getattr(predictions, "attrs", {}))
    column, kept = per_image(predictions, argument), None
    if isinstance(predictions, xr.Dataset) and "status" in predictions:
        kept = predictions["status"].values == "ok"
        column, scores = column.isel({IMAGE: kept}), _without(scores, predictions[IMAGE].values[~kept])
    prediction = as_scores(column, argument)
    score = as_scores(scores)
    prediction, score = (
        in_name_order(prediction),
        in_name_order(matched(score, prediction, argument="scores", reference=argument)),
    )
    if len(score) < 3:
        raise ArgumentError(advice(argument, "have at least three images", len(score)))
    called = {
        "predictions": str(prediction.name),
        "scores": str(score.name),
        "n_left_out": 0 if kept is None else int((~kept).sum()),
    }
    facts |= dict(column.attrs)
    called |= noted(prediction[IMAGE], facts, scores)
    return Pair(prediction.values, score.values, prediction[IMAGE], facts, called)


def per_image(predictions: Any, argument: str) -> Any:
    """Find the column of predictions.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What the user gave.
    argument : str
        What the user calls it.

    Returns
    -------
    DataArray (image) or pandas.Series
        Unchecked, but for a Dataset.

    Raises
    ------
    ArgumentError
        If a Dataset does not say which column is meant.
    """
    if not isinstance(predictions, xr.Dataset):
        return predictions
    image_names(predictions, argument)
    if "memorability" not in predictions:
        remedy = 'Pass one column, as in predictions["vitmem"].'
        raise ArgumentError(advice(argument, "hold memorability", listed.of(predictions.data_vars), remedy))
    return predictions["memorability"]


def _without(scores: Any, names: npt.NDArray[Any]) -> Any:
    """Leave out scores of images without a prediction."""
    gone = {str(name) for name in names}
    if isinstance(scores, pd.Series):
        return scores[[str(name) not in gone for name in scores.index]]
    if isinstance(scores, xr.DataArray) and IMAGE in scores.coords:
        return scores.isel({IMAGE: [str(name) not in gone for name in scores[IMAGE].values]})
    return scores


class Draws(NamedTuple):
    """Bootstrap samples of images, made block by block."""

    n: int
    n_bootstraps: int
    random: np.random.Generator
    scheme: dict[str, Any]
    recorded: dict[str, Any]

    def samples(self) -> Iterator[Counts]:
        """Draw samples.

        Yields
        ------
        array (draw, n) of int
            How often each image stands in each sample. Going through them again draws others.
        """
        step = max(1, BLOCK // max(self.n, 1))
        for start in range(0, self.n_bootstraps, step):
            size = min(step, self.n_bootstraps - start)
            yield bootstrap_counts(self.n, size, rng=self.random, **self.scheme)

    def without(self) -> Iterator[Counts]:
        """Leave out one image at a time, or one group at a time where groups are drawn as a whole.

        Yields
        ------
        array (group, n) of int
            1 for images that stay. With more than 1,000 images (or groups), several are left out together.
        """
        whole = self.scheme["permute"] == "whole"
        group = np.unique(self.scheme["blocks"], return_inverse=True)[1].reshape(-1) if whole else np.arange(self.n)
        group = group % LEFT_OUT
        step = max(1, BLOCK // max(self.n, 1))
        for start in range(0, int(group.max()) + 1, step):
            numbers = np.arange(start, min(start + step, int(group.max()) + 1))
            yield (group[None, :] != numbers[:, None]).astype(np.int64)

    def of(self, kept: npt.NDArray[np.bool_]) -> "Draws":
        """Draw among some of the images only.

        Parameters
        ----------
        kept : array (n,) of bool
            Which.

        Returns
        -------
        Draws
            Samples of these, from the same generator; none where only one whole group is left to draw.
        """
        blocks = self.scheme["blocks"]
        blocks = None if blocks is None else blocks[kept]
        alone = blocks is not None and self.scheme["permute"] == "whole" and np.ptp(blocks) == 0
        scheme = self.scheme | {"blocks": blocks}
        return self._replace(n=int(kept.sum()), scheme=scheme, n_bootstraps=0 if alone else self.n_bootstraps)

    def unit(self) -> str:
        """Say what is drawn.

        Returns
        -------
        str
            "images", "images inside their group" or "whole groups".
        """
        said = {"within": "images inside their group", "whole": "whole groups"}
        return said.get(str(self.scheme["permute"]), "images")


def draws(
    images: xr.DataArray, n_bootstraps: int, rng: int | np.random.Generator, sampling: Mapping[str, Any]
) -> Draws:
    """Set up bootstrap samples of images.

    Parameters
    ----------
    images : DataArray (image)
        Images, in the order of their names.
    n_bootstraps : int
        How many samples; 0 for none.
    rng : int or numpy.random.Generator
        Seed.
    sampling : mapping
        `blocks` and `permute`.

    Returns
    -------
    Draws
        The samples to come. Its `recorded` goes into the attributes of the result.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    KindError, ArgumentError
        If groups are not one label per image, or a scheme is missing.
    """
    known_options(sampling, Sampling)
    count("n_bootstraps", n_bootstraps, least=0)
    random, seed = generator(rng)
    exchanged = units({**sampling}, to=images, alternative="two-sided")  # type: ignore[typeddict-item]
    if exchanged.scheme["permute"] == "whole" and np.ptp(exchanged.scheme["blocks"]) == 0:
        raise ArgumentError(advice("blocks", "name at least two groups with permute='whole'", 1, "Drop them."))
    blocks, permute = exchanged.recorded["blocks"], exchanged.recorded["permute"]
    recorded = {"n_bootstraps": n_bootstraps, "blocks": blocks, "permute": permute, "seed": seed}
    return Draws(len(images), n_bootstraps, random, exchanged.scheme, recorded)


def columns(predictions: Any) -> dict[str, Column]:
    """List several predictors by name.

    Parameters
    ----------
    predictions : mapping, Dataset or pandas.DataFrame
        Name → one number per image.

    Returns
    -------
    dict
        Name → column.

    Raises
    ------
    KindError
        If it is none of these.
    ArgumentError
        If there are fewer than two.
    """
    if isinstance(predictions, pd.DataFrame):
        found: dict[str, Any] = {str(name): predictions[name] for name in predictions}
    elif isinstance(predictions, xr.Dataset):
        image_names(predictions, "predictions")
        found = {str(name): values for name, values in predictions.data_vars.items() if values.dims == (IMAGE,)}
    elif isinstance(predictions, Mapping):
        found = {str(name): values for name, values in predictions.items()}
    else:
        remedy = 'Name them: {"resmem": memory, "vitmem": table["vitmem"]}.'
        raise KindError(advice("predictions", "be several named columns", listed(type(predictions).__name__), remedy))
    if len(found) < 2:
        remedy = "Use mf.evaluation.evaluate for one."
        raise ArgumentError(advice("predictions", "hold at least two predictors", listed.of(found), remedy))
    return found
