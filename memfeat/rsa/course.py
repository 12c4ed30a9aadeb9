"""When do layers agree with what was measured over time? Clusters of time, tested across participants."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import t as student_t

from memfeat import stats
from memfeat._check import advice, count, generator, listed, one_of
from memfeat._labels import LAYER, stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.reading import PARTICIPANT

__all__ = ["cluster"]

Array = npt.NDArray[Any]
TIME = "time"
#: Share of points beyond the threshold where nothing is there, on each side that is tested.
POINTWISE = {"two-sided": 0.975, "greater": 0.95, "less": 0.95}
#: Fewer patterns of signs than this cannot give a p below .05 on two sides.
FEWEST = 6


def cluster(
    result: xr.Dataset,
    *,
    threshold: float | None = None,
    n_permutations: int = 9_999,
    alternative: str = "two-sided",
    rng: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Test along time where the agreement of each layer differs from 0, by the mass of clusters.

    Null hypothesis: at every time the similarities of participants lie symmetrically around 0. Unit of exchange: the
    participant, whose whole series (of all layers and further dims) changes sign. A small p says that there is
    agreement in the series; it does not say that it begins or ends where the cluster does.

    Parameters
    ----------
    result : Dataset (layer, time, participant)
        What :func:`compare` gave for a reference with `time` and `participant`: `by_participant`. Further dims
        are kept. Or a difference of two such results.
    threshold : float, optional
        t that a point must exceed to belong to a cluster; that of p = .05 at a single point by default.
    n_permutations : int
        How many patterns of signs; all of them, and an exact p, if there are no more.
    alternative : {"two-sided", "greater", "less"}
        Which side is tested. Clusters hold points of one sign.
    rng : int or numpy.random.Generator
        Seed or source of the signs.

    Returns
    -------
    Dataset (layer, time)
        `estimate`, the mean over participants; `t`; `cluster`, the number of the cluster in its series, 0 outside;
        `p_cluster`, corrected for all times, layers and further dims, 1 outside; `n` participants. In order of time.

    Raises
    ------
    KindError
        If it is no Dataset, or time has no numbers.
    ArgumentError
        If it has no `by_participant` along time, there are fewer than 6 participants or their values are all the same,
        or an option is out of range.

    References
    ----------
    Maris E, Oostenveld R (2007). Nonparametric statistical testing of EEG- and MEG-data. Journal of Neuroscience
    Methods 164:177-190.
    """
    one_of("alternative", alternative, stats.ALTERNATIVES)
    count("n_permutations", n_permutations)
    random, seed = generator(rng)
    values = _series(result)
    if "baseline" in result.attrs:
        remedy = (
            "Compare with a correlation: method='pearson' or 'whitened_pearson', without patterns that frame images."
        )
        found = listed(f"similarities {result.attrs['baseline']}")
        raise ArgumentError(advice("result", "hold similarities that are 0 without any relation", found, remedy))
    n = values.sizes[PARTICIPANT]
    level = float(student_t.ppf(POINTWISE[alternative], n - 1)) if threshold is None else float(threshold)
    if not level > 0:
        raise ArgumentError(advice("threshold", "be above 0", threshold, "It is a t, the same on both sides."))
    flat = values.values.reshape(-1, *values.shape[-2:])
    if (np.ptp(flat, axis=-1) == 0).any():
        found = listed("a time at which all are equal")
        raise ArgumentError(advice("result", "differ between participants at every time", found))
    observed, null, exact = stats.sign_flips(flat, n_permutations, rng=random)
    numbers, p = stats.cluster_mass(observed, null, level, exact=exact, alternative=alternative)
    dims, shape = values.dims[:-1], values.shape[:-1]
    columns: dict[str, Any] = {"estimate": values.values.mean(axis=-1), "t": observed.reshape(shape)}
    columns |= {"cluster": numbers.reshape(shape), "p_cluster": p.reshape(shape)}
    columns = {name: (dims, column) for name, column in columns.items()}
    columns["n"] = (TIME, np.full(values.sizes[TIME], n))
    coords = {name: c for name, c in values.coords.items() if set(c.dims) <= set(dims)}
    return stamped(
        xr.Dataset(columns, coords=coords),
        result.attrs,
        method=f"{result.attrs.get('method', 'RSA')}, clusters of time",
        reference=result.attrs.get("reference"),
        null="similarities of participants lie symmetrically around 0 at every time (sign flips)",
        correction="p_cluster: largest mass over all series",
        threshold=level,
        alternative=alternative,
        n_permutations=n_permutations,
        exact=exact,
        n_participants=n,
        seed=seed,
    )


def _series(result: Any) -> xr.DataArray:
    """Similarities of participants along time, in order (..., time, participant)."""
    if not isinstance(result, xr.Dataset):
        remedy = "Pass the whole result of mf.rsa.compare."
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    values = result.get("by_participant", xr.DataArray(0.0))
    if not {TIME, PARTICIPANT} <= set(values.dims):
        found = listed(f"dims {tuple(map(str, values.dims))}")
        remedy = "Compare with a reference that has the dims 'time' and 'participant'."
        raise ArgumentError(advice("result", "hold 'by_participant' along time and participants", found, remedy))
    if values.sizes[PARTICIPANT] < FEWEST:
        remedy = "With fewer no pattern of signs is rare enough for p < .05."
        raise ArgumentError(advice("result", f"hold at least {FEWEST} participants", values.sizes[PARTICIPANT], remedy))
    if TIME in values.coords:
        times = values[TIME].values
        if times.dtype.kind not in "iufmM":
            raise KindError(advice("result['time']", "hold numbers or times", listed(f"dtype {times.dtype}")))
        values = values.isel({TIME: np.argsort(times, kind="stable")})
    people = [str(name) for name in values[PARTICIPANT].values] if PARTICIPANT in values.coords else []
    values = values.isel({PARTICIPANT: np.argsort(people, kind="stable")}) if people else values
    front = [LAYER] if LAYER in values.dims else []
    return values.transpose(*front, ..., TIME, PARTICIPANT)
