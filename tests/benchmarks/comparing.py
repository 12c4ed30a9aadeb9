"""Ways to compare RDMs: memfeat's, bare numpy, and those of its peers. See harness.py for their form.

Whoever does a part of the work only, because all of it would take hours, does it on the first draws; those that do all
of it do these once more when the clock has stopped, so that values are compared draw by draw.
"""

import numpy as np

TOOLBOX = {"pearson": "corr", "cosine": "cosine", "spearman": "spearman", "kendall": "tau-a"}


def rdms(n, k, p=50):
    """RDMs of related features (k, pair): 1 − r, as float64."""
    from dissimilarities import correlations

    rng = np.random.default_rng(0)
    shared = rng.normal(size=(n, p))
    return np.stack([correlations(shared + rng.normal(size=(n, p))) for _ in range(k)])


def labelled(vectors, dim, n):
    """RDMs of memfeat's: of layers (layer, pair), or of one along another dim (layer, dim, pair)."""
    from memfeat import rdm

    names = [f"image{k:05}" for k in range(n)]
    return rdm.from_condensed(vectors, names, dims={dim: [f"{dim}{k:02}" for k in range(len(vectors))]})


def samples(n, k):
    """The first k bootstrap samples of images that rsatoolbox draws after `numpy.random.seed(0)` (k, n)."""
    random = np.random.RandomState(0)
    return np.stack([random.randint(0, n, size=n) for _ in range(k)])


def rearrangements(n, k):
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(n) for _ in range(k)])


# --- bootstrap --------------------------------------------------------------------------------------------------------


def memfeat_bootstrap(work, output):
    from memfeat import rsa
    from memfeat.rsa.ceilings import ceilings
    from memfeat.rsa.similarity import COMPARISONS

    n, method = work["n"], work["method"]
    vectors = rdms(n, 1 + work["participants"])
    layer, people = labelled(vectors[:1], "layer", n), labelled(vectors[1:], "participant", n)
    few = {"method": method, "n_permutations": 0, "progress": False}
    rsa.compare(tiny("layer", 1), tiny("participant", 2), n_bootstraps=2, **few)
    yield
    found = rsa.compare(layer, people, n_bootstraps=work["draws"], **few)
    yield
    counts = np.stack([np.bincount(one, minlength=n) for one in samples(n, work["checked"])])
    kernel = COMPARISONS[method]
    values = kernel.similar(vectors, [(0, k) for k in range(1, len(vectors))], counts)
    lower, upper = ceilings(method, kernel, vectors[1:], counts)
    told = {name: round(float(found[name]), 3) for name in ("noise_lower", "noise_upper")}
    return {"estimates": values.mean(axis=0), "lower": lower, "upper": upper}, told


def tiny(dim, k):
    return labelled(rdms(6, k), dim, 6)


def rsatoolbox_bootstrap(work, output):
    from rsatoolbox.inference import eval_bootstrap_pattern
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    vectors = rdms(work["n"], 1 + work["participants"])
    model, data = ModelFixed("layer", vectors[0]), RDMs(vectors[1:])
    method = TOOLBOX[work["method"]]
    np.random.seed(0)  # noqa: NPY002 -- rsatoolbox has no other source of draws
    yield
    found = eval_bootstrap_pattern(model, data, method=method, N=work["draws"])
    yield
    lower, upper = found.noise_ceiling
    return {"estimates": found.evaluations[:, 0], "lower": lower, "upper": upper}, {}


# --- permutations -----------------------------------------------------------------------------------------------------


def memfeat_permutations(work, output):
    from memfeat import rsa
    from memfeat.rsa.similarity import METHODS, permuted

    n, method = work["n"], work["method"]
    vectors = rdms(n, 2)
    layer, ref = labelled(vectors[:1], "layer", n), labelled(vectors[1:], "layer", n)
    few = {"method": method, "n_bootstraps": 0, "progress": False}
    rsa.compare(tiny("layer", 1), tiny("layer", 1), n_permutations=2, **few)
    yield
    found = rsa.compare(layer, ref, n_permutations=work["draws"], **few)
    yield
    scaled = [METHODS[method].scaled(vector) for vector in vectors]
    values = permuted(scaled[0][None], scaled[1], rearrangements(n, work["checked"]))[0]
    return {"null": values}, {"p": float(found["p"].item())}


def memfeat_layers(work, output):
    """Test several layers together, dissimilarities at random."""
    from memfeat import rsa

    n, k = work["n"], work["layers"]
    vectors = np.random.default_rng(0).random((1 + k, n * (n - 1) // 2))
    layers, ref = labelled(vectors[1:], "layer", n), labelled(vectors[:1], "layer", n)
    few = {"method": work["method"], "n_bootstraps": 0, "progress": False}
    rsa.compare(tiny("layer", 1), tiny("layer", 1), n_permutations=2, **few)
    yield
    found = rsa.compare(layers, ref, n_permutations=work["draws"], **few)
    yield
    return {"estimate of the first": found["estimate"].values[:1]}, {"layers": k}


def rsatoolbox_permutations(work, output):
    """Do what its users are told to: rearrange the RDM, compare, and so on."""
    from rsatoolbox.rdm import RDMs, compare
    from rsatoolbox.rdm.rdms import permute_rdms

    vectors = rdms(work["n"], 2)
    layer, ref = RDMs(vectors[:1]), RDMs(vectors[1:])
    method, rows = TOOLBOX[work["method"]], rearrangements(work["n"], work["draws"])
    yield
    null = [compare(layer, permute_rdms(ref, row), method=method)[0, 0] for row in rows]
    yield
    return {"null": np.array(null)[: work["checked"]]}, {}


def numpy_permutations(work, output):
    """Rank once, rearrange the matrix of ranks, multiply."""
    from scipy.stats import rankdata

    n, rows = work["n"], rearrangements(work["n"], work["draws"])
    vectors, upper = rdms(n, 2), ~np.tri(n, dtype=bool)
    yield
    one, other = (rankdata(vector) - (len(vector) + 1) / 2 for vector in vectors)
    matrix = np.zeros((n, n))
    matrix[upper] = other
    matrix += matrix.T
    length = np.sqrt(one @ one * (other @ other))
    null = [one @ matrix[np.ix_(row, row)][upper] / length for row in rows]
    yield
    return {"null": np.array(null)[: work["checked"]]}, {}


# --- agreement --------------------------------------------------------------------------------------------------------

METHODS = ("pearson", "spearman", "kendall")
#: mne-rsa's name → memfeat's; each reference with the other two taken out.
PARTIAL = {"partial": "pearson", "partial-spearman": "spearman"}


def all_methods_of_memfeat(work, output):
    from memfeat import rsa

    every = labelled(rdms(work["n"], 4), "layer", work["n"])
    layer, others, few = every.isel(layer=[0]), (1, 2, 3), {"n_bootstraps": 0, "progress": False}
    yield
    found = {
        method: [
            rsa.compare(layer, every.isel(layer=[k]), method=method, n_permutations=0, **few)["estimate"].item()
            for k in others
        ]
        for method in METHODS
    }
    for name, method in PARTIAL.items():
        found[name] = [
            rsa.partial(
                layer,
                every.isel(layer=[k]),
                every.isel(layer=[j for j in others if j != k]),
                method=method,
                **few,
            )["estimate"].item()
            for k in others
        ]
    yield
    return {name: np.array(values) for name, values in found.items()}, {"comparisons": 3 * len(found)}


def all_methods_of_mne_rsa(work, output):
    import mne_rsa

    layer, *others = rdms(work["n"], 4)
    names = {"kendall": "kendall-tau-a"}
    yield
    found = {method: mne_rsa.rsa(layer, others, metric=names.get(method, method)) for method in (*METHODS, *PARTIAL)}
    yield
    found = {method: np.ravel(values) for method, values in found.items()}
    return found, {"comparisons": 3 * len(found)}


def all_methods_of_scipy(work, output):
    """Those that it has, where no value is tied: τ-a is Kendall's τ then."""
    from scipy.stats import kendalltau, pearsonr, spearmanr

    layer, *others = rdms(work["n"], 4)
    yield
    found = {
        method: np.array([measure(layer, one).statistic for one in others])
        for method, measure in zip(METHODS, (pearsonr, spearmanr, kendalltau), strict=True)
    }
    yield
    return found, {"comparisons": 3 * len(found)}
