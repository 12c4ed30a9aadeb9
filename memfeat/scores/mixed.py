"""Single answers predicted from memorability, beyond who answers and which image it is."""

from pathlib import Path
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import splu
from scipy.special import expit
from scipy.stats import norm

from memfeat._check import advice, listed, one_of
from memfeat._labels import stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError, MissingPackageError
from memfeat.scores.tidy import by_trial
from memfeat.scores.trials import TrialColumns, Trials, read

__all__ = ["mixed_model"]

Array = npt.NDArray[np.float64]
GROUPS = ("participant", "image")
#: shown -> whether these trials are of targets
SHOWN = {"old": True, "new": False}
#: Standard deviations of the normal priors of coefficients, and of the logarithms of deviations.
PRIORS = {"coefficient": 2.0, "log_deviation": 1.0}
#: When the fit has settled: the relative change of the bound in a step, and how many steps there are at most.
SETTLED = {"ftol": 1e-11, "gtol": 1e-5, "maxiter": 2_000, "maxfun": 10_000}
METHOD = "crossed logistic mixed model, mean-field variational Bayes (statsmodels BinomialBayesMixedGLM)"
INTERVAL = "95 % credible, normal approximation at the fit, given the deviations of participants and images"


class _Design(NamedTuple):
    """Answers and what they are predicted by."""

    answers: Array  # (trial,)
    fixed: Array  # (trial, term)
    random: Any  # sparse (trial, participant + image)
    sizes: tuple[int, int]


def mixed_model(
    trials: pd.DataFrame | str | Path,
    predictors: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    shown: str = "old",
    **columns: Unpack[TrialColumns],
) -> xr.Dataset:
    """Predict single answers from numbers per image, with participants and images as crossed random effects.

    Parameters
    ----------
    trials : DataFrame, str or Path
        Old/new recognition, one row per trial, as for :func:`from_trials`; participants must be named.
    predictors : DataArray (image), Series, Dataset (image) or DataFrame
        Memorability, or several numbers per image, by image name. Each is standardised over the images of the trials.
    shown : {"old", "new"}
        Which trials: hits among targets, or false alarms among foils.
    **columns : optional
        Columns of the table, see :class:`TrialColumns`.

    Returns
    -------
    Dataset (term, group)
        `estimate (term)`, posterior means of the intercept and of each predictor, in logits per standard deviation;
        `sd`, their posterior standard deviations; `ci_low` and `ci_high`, 95 % credible limits; `deviation (group)`,
        how much participants and images differ besides, as the standard deviation of their intercepts in logits.

    Raises
    ------
    MissingPackageError
        If statsmodels is not installed.
    KindError, MissingFileError, UnknownNameError
        If trials or predictors cannot be read.
    ArgumentError
        If participants are not named, or fewer than two; an image has no number, or all have the same; answers are all
        alike; or the fit does not settle.

    See Also
    --------
    to_long : Gives the table for other programs.

    Notes
    -----
    logit P("old") = β₀ + Σ βₖ xₖ(image) + u(participant) + v(image), u and v normal. Priors are wide: β of standard
    deviation 2, the logarithms of the deviations of u and v of standard deviation 1. Images are a random effect, so
    that β is about images like these, and not about these alone.

    This is a posterior and gives no p-value. Coefficients and deviations are those of the mean-field variational fit of
    statsmodels, which takes all coefficients as independent of each other. Its own standard deviations are too small
    for that reason, several times for what differs between images or between participants. `sd` is instead from the
    inverse of the information matrix of all coefficients at the fit, the random ones among them; it holds the
    deviations of participants and images fixed.

    Do not predict answers from scores that were made of the same answers: that is circular.

    References
    ----------
    Baayen RH, Davidson DJ, Bates DM (2008). Mixed-effects modeling with crossed random effects for subjects and items.
    Journal of Memory and Language 59:390-412.
    Wakeland-Hart CD, Cao SA, deBettencourt MT, Bainbridge WA, Rosenberg MD (2022). Predicting visual memory across
    images and within individuals. Cognition 227:105201.
    """
    known = read(trials, columns, of=mixed_model)
    n = len(known.participants)
    if n < 2:
        found = listed(f"{n} participants" if n else "no column of participants")
        raise ArgumentError(
            advice("trials", "name at least two participants", found, "Name it: participant='subject'.")
        )
    names, design = _designed(_chosen(known, one_of("shown", shown, SHOWN)), predictors)
    fitted = _fitted(design)
    limit = norm.isf(0.025) * fitted["sd"]
    table = {
        "estimate": ("term", fitted["mean"]),
        "sd": ("term", fitted["sd"]),
        "ci_low": ("term", fitted["mean"] - limit),
        "ci_high": ("term", fitted["mean"] + limit),
        "deviation": ("group", fitted["deviation"]),
    }
    result = xr.Dataset(table, {"term": texts(["intercept", *names]), "group": texts(GROUPS)})
    facts = {"shown": shown, "n": len(design.answers), "n_images": design.sizes[1], "n_participants": design.sizes[0]}
    read_as = {name: known.recorded[name] for name in ("truth", "response") if name in known.recorded}
    return stamped(result, method=METHOD, interval=INTERVAL, unit="logit", priors=PRIORS, **facts, **read_as)


def _chosen(trials: Trials, shown: str) -> Trials:
    """Keep the trials of targets or of foils, and those who have some."""
    kept = trials.old == SHOWN[shown]
    if not kept.any() or np.ptp(trials.said_old[kept].astype(int)) == 0:
        found = listed("the same answer everywhere" if kept.any() else "none")
        remedy = (
            "Name the columns of what was shown and answered, truth='…', response='…'; or take the others, shown='…'."
        )
        raise ArgumentError(advice("trials", f"hold different answers to {shown} images", found, remedy))
    seen, image = np.unique(trials.image[kept], return_inverse=True)
    people, participant = np.unique(trials.participant[kept], return_inverse=True)
    return trials._replace(
        image=image,
        images=trials.images[seen],
        participant=participant,
        participants=trials.participants[people],
        old=trials.old[kept],
        said_old=trials.said_old[kept],
    )


def _designed(trials: Trials, predictors: Any) -> tuple[list[str], _Design]:
    """Standardise predictors over images, and lay out who answered about what."""
    values = by_trial(predictors, trials, "predictors")
    one_each = np.unique(trials.image, return_index=True)[1]
    fixed = [np.ones(len(trials.image))]
    for name, column in values.items():
        of_images = column[one_each]
        if np.ptp(of_images) == 0:
            same = listed(f"{name!r} of {of_images[0]:g}")
            raise ArgumentError(advice("predictors", "differ between images", same, "Leave it out."))
        fixed.append((column - of_images.mean()) / of_images.std())
    n, sizes = len(trials.image), (len(trials.participants), len(trials.images))
    places = np.concatenate([trials.participant, sizes[0] + trials.image])
    random = csr_array((np.ones(2 * n), (np.tile(np.arange(n), 2), places)), shape=(n, sum(sizes)))
    return list(values), _Design(trials.said_old.astype(np.float64), np.stack(fixed, axis=1), random, sizes)


def _fitted(design: _Design) -> dict[str, Array]:
    """Fit the model, and compute how sure the coefficients are."""
    try:
        from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM
    except ImportError as error:
        remedy = 'Install it: pip install "memfeat[mixed]". Or take mf.scores.to_long to another program.'
        raise MissingPackageError(advice("statsmodels", "be installed", listed("no such package"), remedy)) from error
    from scipy.sparse import csr_matrix

    kind = np.repeat([0, 1], design.sizes)
    priors = {"fe_p": PRIORS["coefficient"], "vcp_p": PRIORS["log_deviation"]}
    model = BinomialBayesMixedGLM(design.answers, design.fixed, csr_matrix(design.random), kind, **priors)
    start = np.zeros(design.fixed.shape[1] + len(GROUPS) + sum(design.sizes))
    options = {"fit_method": "L-BFGS-B", "minim_opts": SETTLED}
    # a start of one's own, or it would be drawn from numpy's global generator
    found = model.fit_vb(mean=start, sd=np.full_like(start, 0.5), **options)
    if not found.optim_retvals.success:
        why, remedy = listed(str(found.optim_retvals.message)), "Leave out predictors that go together."
        raise ArgumentError(advice("trials", "let the fit settle", why, remedy))
    deviation = np.exp(found.vcp_mean)
    chance = expit(design.fixed @ found.fe_mean + design.random @ found.vc_mean)
    return {"mean": found.fe_mean, "sd": _spread(design, chance, deviation[kind]), "deviation": deviation}


def _spread(design: _Design, chance: Array, deviation: Array) -> Array:
    """Compute posterior standard deviations of coefficients, random ones integrated out."""
    weight = (chance * (1 - chance))[:, None]
    heavy = design.fixed * weight
    random = design.random.multiply(weight).tocsc()
    between = np.asarray(random.T @ design.fixed)
    own = (random.T @ design.random + diags_array(1 / deviation**2)).tocsc()
    prior = np.eye(heavy.shape[1]) / PRIORS["coefficient"] ** 2
    information = design.fixed.T @ heavy + prior - between.T @ splu(own).solve(between)
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(information))))
