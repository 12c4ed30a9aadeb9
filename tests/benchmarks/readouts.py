"""Scores predicted from layers of a network, out of fold: layer, kernel, weights of bands and penalty chosen inside.

Written with numpy and scikit-learn alone, so that what it finds does not rest on memfeat's own regression.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.stats import rankdata
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

Array = npt.NDArray[np.float64]
N_FOLDS, N_INNER = 10, 5
PENALTIES = np.logspace(3, -4, 15)
#: Widths of the Gaussian kernel exp(−γ d² / mean d²).
WIDTHS = (0.1, 0.3, 1.0)
COSTS, TUBES = (0.3, 1.0, 3.0), (0.25, 0.75)
N_WEIGHTS = 60
CHOSEN, MEAN = "the best of these, chosen inside the folds", "mean of these predictions"


class Kernel(NamedTuple):
    """Similarities of all images, in multiples of the training images' mean."""

    name: str
    values: Array  # (n, n)


class Choice(NamedTuple):
    """What was chosen on the training images, what it predicts for all, and how well it did on the training images."""

    name: str
    prediction: Array  # (n,)
    inner: float  # Spearman correlation of the training images, each predicted by the others


Recipe = Callable[["Fold"], Choice]


class Fold:
    """Kernels of one outer fold: features are scaled by its training images only."""

    def __init__(self, layers: Mapping[str, Array], scores: Array, train: npt.NDArray[np.intp]) -> None:
        self.scores, self.train = scores, train
        self.single = [Kernel(name, self._linear(values)) for name, values in layers.items()]

    def _linear(self, values: Array) -> Array:
        scaled = StandardScaler().fit(values[self.train]).transform(values)
        return self.scaled(scaled @ scaled.T)

    def scaled(self, products: Array) -> Array:
        """Divide by the mean of the training images' own products."""
        own: Array = products / np.diagonal(products)[self.train].mean()
        return own

    def joined(self, names: Callable[[str], bool] = lambda name: True) -> Array:
        """Concatenate layers, each with the same variance."""
        return self.scaled(np.sum([kernel.values for kernel in self.single if names(kernel.name)], axis=0))


def gaussian(products: Array, train: npt.NDArray[np.intp], width: float) -> Array:
    """Turn inner products into a Gaussian kernel."""
    own = np.diagonal(products)
    distances = np.maximum(own[:, None] + own - 2 * products, 0)
    similar: Array = np.exp(-width * distances / distances[np.ix_(train, train)].mean())
    return similar


# --- kernel ridge regression ------------------------------------------------------------------------------------------


def ridge(fold: Fold, candidates: Iterator[Kernel]) -> Choice:
    """Take the kernel and penalty with the smallest leave-one-out error among the training images."""
    best, least = None, np.inf
    for kernel in candidates:
        error, choice = _ridge(fold, kernel)
        if error < least:
            best, least = choice, error
    assert best is not None
    return best


def _ridge(fold: Fold, kernel: Kernel) -> tuple[float, Choice]:
    train, score = fold.train, fold.scores[fold.train]
    inner = kernel.values[np.ix_(train, train)]
    means = inner.mean(axis=0)
    own = inner - means - means[:, None] + means.mean()
    across = kernel.values[:, train]
    across = across - across.mean(axis=1, keepdims=True) - means + means.mean()
    values, vectors = eigh(own, driver="evd")
    values = np.maximum(values, 0)
    turned = vectors.T @ (score - score.mean())
    shrunk = values / (values + PENALTIES[:, None])
    fitted = score.mean() + (shrunk * turned) @ vectors.T
    leverage = 1 / len(train) + shrunk @ (vectors**2).T
    left_out = score - (score - fitted) / (1 - leverage)
    errors = ((left_out - score) ** 2).mean(axis=1)
    at = int(errors.argmin())
    coefficients = vectors @ (turned / (values + PENALTIES[at]))
    prediction = score.mean() + across @ coefficients
    return float(errors[at]), Choice(kernel.name, prediction, correlated(left_out[at], score))


def one_layer(fold: Fold) -> Iterator[Kernel]:
    yield from fold.single


def one_layer_gaussian(fold: Fold) -> Iterator[Kernel]:
    for kernel, width in product(fold.single, WIDTHS):
        yield Kernel(f"{kernel.name}, width {width}", gaussian(kernel.values, fold.train, width))


def all_layers(fold: Fold) -> Iterator[Kernel]:
    yield Kernel("all layers", fold.joined())


def all_layers_gaussian(fold: Fold) -> Iterator[Kernel]:
    for width in WIDTHS:
        yield Kernel(f"all layers, width {width}", gaussian(fold.joined(), fold.train, width))


def banded(fold: Fold, bands: Mapping[str, Callable[[str], bool]]) -> Iterator[Kernel]:
    """Weigh stages against each other: random weights, and each band alone (Dupré la Tour et al., 2022)."""
    kernels = np.array([fold.joined(belongs) for belongs in bands.values()])
    random = np.random.default_rng(0).dirichlet(np.full(len(bands), 0.5), size=N_WEIGHTS)
    for weights in np.vstack([np.eye(len(bands)), random]):
        said = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(bands, weights, strict=True))
        yield Kernel(said, np.tensordot(weights, kernels, axes=1))


# --- support vectors --------------------------------------------------------------------------------------------------


def support_vectors(fold: Fold, candidates: Callable[[Fold], Iterator[Kernel]]) -> Choice:
    """Take the kernel, cost and tube with the highest rank correlation over five folds of the training images."""
    spread = fold.scores[fold.train].std()
    best = Choice("", np.zeros(0), -np.inf)
    for kernel, cost, tube in product(candidates(fold), COSTS, TUBES):
        make = partial(SVR, kernel="precomputed", C=cost * spread, epsilon=tube * spread)
        guessed = np.empty(len(fold.train))
        for inner, held in KFold(N_INNER, shuffle=True, random_state=0).split(fold.train):
            guessed[held] = _supported(make, kernel.values, fold, fold.train[inner])[fold.train[held]]
        reached = correlated(guessed, fold.scores[fold.train])
        if reached > best.inner:
            prediction = _supported(make, kernel.values, fold, fold.train)
            best = Choice(f"{kernel.name}, cost {cost}, tube {tube}", prediction, reached)
    return best


def _supported(make: Callable[[], Any], values: Array, fold: Fold, train: npt.NDArray[np.intp]) -> Array:
    machine = make().fit(values[np.ix_(train, train)], fold.scores[train])
    found: Array = machine.predict(values[:, train])
    return found


def few(fold: Fold) -> Iterator[Kernel]:
    """Every fourth block, the last layers, and all layers together."""
    chosen = [kernel for at, kernel in enumerate(fold.single) if at % 4 == 3 or at >= len(fold.single) - 4]
    yield from [*chosen, *all_layers(fold)]


def few_gaussian(fold: Fold) -> Iterator[Kernel]:
    for kernel in few(fold):
        for width in WIDTHS:
            yield Kernel(f"{kernel.name}, width {width}", gaussian(kernel.values, fold.train, width))


# --- all of it --------------------------------------------------------------------------------------------------------


def out_of_fold(
    layers: Mapping[str, Array], scores: Array, recipes: Mapping[str, Recipe]
) -> tuple[dict[str, Array], dict[str, list[str]]]:
    """Predict each image from the others, by each recipe and by what the training images say is the best of them.

    The mean is that of all recipes' predictions, which share the scale of the scores.
    """
    found = {name: np.empty(len(scores)) for name in (*recipes, CHOSEN, MEAN)}
    said: dict[str, list[str]] = {name: [] for name in (*recipes, CHOSEN)}
    for train, held in KFold(N_FOLDS, shuffle=True, random_state=0).split(scores):
        fold = Fold(layers, scores, train)
        choices = {name: recipe(fold) for name, recipe in recipes.items()}
        for name, choice in choices.items():
            found[name][held] = choice.prediction[held]
            said[name].append(choice.name)
        best = max(choices, key=lambda name: choices[name].inner)
        found[CHOSEN][held] = choices[best].prediction[held]
        said[CHOSEN].append(best)
        found[MEAN][held] = np.mean([choice.prediction[held] for choice in choices.values()], axis=0)
    return found, said


def correlated(first: Array, second: Array) -> float:
    """Rank correlation."""
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])
