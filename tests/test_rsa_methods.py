"""Every way to compare RDMs: by hand, against SciPy, rsatoolbox and dense algebra, and in bootstrap samples."""

import warnings

import numpy as np
import pytest
import xarray as xr
from geometry import RSATOOLBOX, dataset, names_of, squared_distances, toolbox
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import squareform
from scipy.stats import kendalltau, rankdata

from memfeat import rdm, rsa
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.ceilings import _ranks, ceilings
from memfeat.rsa.concordance import tau_a
from memfeat.rsa.design import designed
from memfeat.rsa.reading import read
from memfeat.rsa.samples import rearranged
from memfeat.rsa.similarity import COMPARISONS, kernel_of, permuted, similarities
from memfeat.rsa.whitening import noise_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rsatoolbox
    from rsatoolbox.inference import boot_noise_ceiling

WHITENED = ["whitened_pearson", "whitened_cosine"]


def counts_of(drawn, n):
    return np.stack([np.bincount(sample, minlength=n) for sample in drawn])


def theirs_in(sample, first, second, method):
    one, other = (toolbox(v).subsample_pattern("index", sample) for v in (first, second))
    return rsatoolbox.rdm.compare(one, other, method=RSATOOLBOX[method])


def test_tau_a_by_hand():
    # pairs of pairs: 1-2 and 1-3 agree, 2-3 is tied in the second: (2 - 0) / 3
    assert tau_a(np.array([1.0, 2, 3]), np.array([1.0, 2, 2])) == pytest.approx(2 / 3)
    # the first entry twice: 6 pairs of pairs, of which 4 agree and 2 are tied
    assert tau_a(np.array([1.0, 2, 3]), np.array([1.0, 2, 2]), np.array([2, 1, 1])) == pytest.approx(4 / 6)
    assert np.isnan(tau_a(np.ones(4), np.arange(4.0)))


def test_rho_a_by_hand():
    # ranks 1 2 3 4 5 6 against 1.5 1.5 3 4 5 6: 12 * (17.5 - .5) / (216 - 6)
    vectors = np.array([[1.0, 2, 3, 4, 5, 6], [1.0, 1, 3, 4, 5, 6]])
    assert similarities(COMPARISONS["rho-a"], vectors[:1], vectors[1:])[0, 0] == pytest.approx(12 * 17 / 210)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", COMPARISONS)
def test_similarities_agree_with_rsatoolbox(method, seed):
    vectors = squared_distances(18, 4, seed)
    got = rsa.compare(
        dataset(vectors[:3], metric="sqeuclidean"),
        dataset(vectors[3:], metric="sqeuclidean"),
        method=method,
        n_permutations=0,
        n_bootstraps=0,
    )
    theirs = rsatoolbox.rdm.compare(toolbox(vectors[:3]), toolbox(vectors[3:]), method=RSATOOLBOX[method])
    np.testing.assert_allclose(got.estimate, theirs[:, 0], atol=1e-10)


def test_kendall_agrees_with_scipy_without_ties():
    first, second = squared_distances(9, 2)
    assert tau_a(first, second) == pytest.approx(kendalltau(first, second).statistic, abs=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("n", [12, 40])
@pytest.mark.parametrize("method", COMPARISONS)
def test_bootstrap_values_equal_rsatoolbox_for_the_same_draws(method, n, seed):
    vectors = squared_distances(n, 3, seed)
    drawn = np.random.default_rng(5).integers(n, size=(6, n))
    got = COMPARISONS[method].similar(vectors, [(0, 2), (1, 2), (2, 1)], counts_of(drawn, n))
    for sample, values in zip(drawn, got.T, strict=True):
        expected = theirs_in(sample, vectors[:2], vectors[2], method)[:, 0]
        np.testing.assert_allclose(values, [*expected, expected[1]], atol=1e-10)


@pytest.mark.parametrize("method", WHITENED)
def test_a_sample_that_is_half_one_image_equals_rsatoolbox_too(method):
    vectors = squared_distances(8, 2)
    drawn = np.array([[0, 0, 0, 0, 0, 1, 2, 3], [0, 0, 0, 0, 0, 0, 1, 2]])  # 5 = 8 / 2 + 1 copies: 0 / 0
    got = COMPARISONS[method].similar(vectors, [(0, 1)], counts_of(drawn, 8))[0]
    for sample, value in zip(drawn, got, strict=True):
        assert value == pytest.approx(theirs_in(sample, vectors[0], vectors[1], method)[0, 0], abs=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 9), st.integers(0, 2**31), st.sampled_from(["kendall", "rho-a", *WHITENED]))
def test_bootstrap_values_equal_those_of_the_sample_written_out(n, seed, method):
    rng = np.random.default_rng(seed)
    vectors = squared_distances(n, 2, seed)
    sample = np.sort(rng.integers(n, size=n))
    got = COMPARISONS[method].similar(vectors, [(0, 1)], counts_of([sample], n))[0, 0]
    first, second = np.triu_indices(n, 1)
    keep = sample[first] != sample[second]
    one, other = (squareform(v)[sample[first], sample[second]][keep] for v in vectors)
    if keep.sum() < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return
    if method in WHITENED:
        expected = dense(one, other, covariance(n)[np.ix_(keep, keep)], method == "whitened_pearson")
        if not np.isfinite(expected):
            return
    elif method == "kendall":
        signs = [np.sign(v[:, None] - v) for v in (one, other)]
        expected = (signs[0] * signs[1]).sum() / (len(one) * (len(one) - 1))
    else:
        expected = 12 * (rankdata(one) - rankdata(one).mean()) @ rankdata(other) / (len(one) ** 3 - len(one))
    np.testing.assert_allclose(got, expected, atol=1e-8)


def covariance(n, sigma=None):
    """V of all pairs, written out."""
    first, second = np.triu_indices(n, 1)
    contrast = np.zeros((len(first), n))
    contrast[np.arange(len(first)), first], contrast[np.arange(len(first)), second] = 1, -1
    return np.square(contrast @ (np.eye(n) if sigma is None else sigma) @ contrast.T)


def dense(one, other, v, centre):
    if centre:
        one, other = one - one.mean(), other - other.mean()
    white = np.linalg.solve(v, np.stack([one, other]).T)
    lengths = one @ white[:, 0], other @ white[:, 1]
    if min(lengths) < 1e-9 * max(one @ one, other @ other):
        return np.nan
    return one @ white[:, 1] / np.sqrt(lengths[0] * lengths[1])


@pytest.mark.parametrize("method", WHITENED)
@pytest.mark.parametrize("kind", ["none", "variances", "matrix"])
def test_whitening_is_the_inverse_of_the_whole_covariance(method, kind):
    n, rng = 9, np.random.default_rng(3)
    vectors = squared_distances(n, 2)
    mixed = rng.normal(size=(n, 2 * n))
    sigma = {"none": np.eye(n), "variances": np.diag(rng.uniform(0.5, 3, n)), "matrix": mixed @ mixed.T / n}[kind]
    given_noise = {"none": None, "variances": np.diagonal(sigma), "matrix": sigma}[kind]
    noise = None if given_noise is None else noise_of(given_noise)
    got = similarities(kernel_of(method, noise), vectors[:1], vectors[1:])[0, 0]
    expected = dense(*vectors, covariance(n, sigma), method == "whitened_pearson")
    assert got == pytest.approx(expected, abs=1e-10)
    if kind == "matrix":  # solved by conjugate gradients there, to a tolerance of 1e-5
        theirs = rsatoolbox.rdm.compare(*map(toolbox, vectors), method=RSATOOLBOX[method], sigma_k=sigma)[0, 0]
        assert got == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("method", WHITENED)
def test_variances_are_resampled_with_their_images(method):
    n, rng = 9, np.random.default_rng(3)
    vectors, variances = squared_distances(n, 2), rng.uniform(0.5, 3, n)
    sample = np.array([0, 0, 1, 2, 3, 3, 3, 7, 8])
    got = kernel_of(method, noise_of(variances)).similar(vectors, [(0, 1)], counts_of([sample], n))[0, 0]
    first, second = np.triu_indices(n, 1)
    keep = sample[first] != sample[second]
    one, other = (squareform(v)[sample[first], sample[second]][keep] for v in vectors)
    v = covariance(n, np.diag(variances[sample]))[np.ix_(keep, keep)]
    assert got == pytest.approx(dense(one, other, v, method == "whitened_pearson"), abs=1e-10)


def test_the_whitened_cosine_of_squared_distances_is_linear_cka():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 15, 6))
    vectors = np.array([squareform(np.square(x[:, None] - x).sum(axis=-1), checks=False) for x in (one, other)])
    grams = [x - x.mean(axis=0) for x in (one, other)]
    grams = [x @ x.T for x in grams]
    cka = (grams[0] * grams[1]).sum() / np.sqrt(np.square(grams[0]).sum() * np.square(grams[1]).sum())
    assert similarities(COMPARISONS["whitened_cosine"], vectors[:1], vectors[1:])[0, 0] == pytest.approx(cka, abs=1e-12)


@pytest.mark.parametrize("method", COMPARISONS)
def test_rearranged_values_agree_with_a_loop_over_rearranged_matrices(method):
    n = 9
    vectors = squared_distances(n, 3, seed=1)
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(n) for _ in range(20)])
    kernel = COMPARISONS[method]
    names = names_of(n)
    design = designed_for(vectors[:2], vectors[2:], kernel, names)
    got = rearranged(design, rows)[:, 0]
    matrix = squareform(vectors[2])
    for row, values in zip(rows, got.T, strict=True):
        moved = squareform(matrix[np.ix_(row, row)], checks=False)
        np.testing.assert_allclose(values, similarities(kernel, vectors[:2], moved[None])[:, 0], atol=1e-12)


def designed_for(first, second, kernel, names, **options):
    sides = read(dataset(first, names), dataset(second, names))
    return designed(sides, kernel, scheme={}, **options)


@pytest.mark.parametrize("kind", ["variances", "matrix"])
def test_noise_stays_with_the_reference_when_images_are_rearranged(kind):
    n, rng = 7, np.random.default_rng(0)
    vectors, mixed = squared_distances(n, 2), rng.normal(size=(n, 3 * n))
    sigma = rng.uniform(0.5, 2, n) if kind == "variances" else mixed @ mixed.T / n
    kernel = kernel_of("whitened_cosine", noise_of(sigma))
    rows = np.stack([rng.permutation(n) for _ in range(5)])
    got = rearranged(designed_for(vectors[:1], vectors[1:], kernel, names_of(n)), rows)[0, 0]
    matrix, full = squareform(vectors[1]), np.diag(sigma) if kind == "variances" else sigma
    for row, value in zip(rows, got, strict=True):
        moved, along = squareform(matrix[np.ix_(row, row)], checks=False), full[np.ix_(row, row)]
        assert value == pytest.approx(dense(vectors[0], moved, covariance(n, along), False), abs=1e-9)


def test_blocks_of_permutations_and_many_images_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    n = 150  # three stripes
    data, target = rng.normal(size=(2, n * (n - 1) // 2)), rng.normal(size=n * (n - 1) // 2)
    rows = np.stack([rng.permutation(n) for _ in range(7)])
    whole = permuted(data, target, rows)
    matrix = squareform(target)
    expected = [[one @ squareform(matrix[np.ix_(row, row)], checks=False) for row in rows] for one in data]
    np.testing.assert_allclose(whole, expected, atol=1e-9)
    monkeypatch.setattr("memfeat.rsa.similarity.BLOCK_BYTES", 200_000)
    np.testing.assert_allclose(permuted(data, target, rows), whole, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", COMPARISONS)
def test_noise_ceilings_equal_rsatoolbox(method, seed):
    n = 14
    vectors = squared_distances(n, 5, seed)
    kernel = COMPARISONS[method]
    drawn = np.array([np.arange(n), *np.random.default_rng(2).integers(n, size=(4, n))])
    lower, upper = ceilings(method, kernel, vectors, counts_of(drawn, n))
    for k, sample in enumerate(drawn):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs says that the average for tau is one of ranks
            expected = boot_noise_ceiling(
                toolbox(vectors).subsample_pattern("index", sample), method=RSATOOLBOX[method]
            )
        np.testing.assert_allclose([lower[k], upper[k]], expected, atol=1e-10)


@pytest.mark.parametrize("far", [0.0, 2.0**60])  # the latter leaves no room for positions beside the sums
def test_sums_of_ranks_are_ranked_whether_numbers_or_positions_are_sorted(far):
    rng = np.random.default_rng(0)
    sums, weights = rng.integers(-20, 20, 60) / 2, rng.integers(1, 4, 60)
    sums += np.where(sums > 5, far, 0)
    repeated = rankdata(np.repeat(sums, weights))
    expected = (repeated - repeated.mean())[np.cumsum(weights) - weights]
    np.testing.assert_array_equal(_ranks(sums, weights), expected)


def test_whitened_methods_ask_for_squared_distances():
    vectors = squared_distances(8, 2)
    squared, other = dataset(vectors[:1], metric="sqeuclidean"), dataset(vectors[1:], metric="correlation")
    with pytest.raises(ArgumentError, match="ref must hold squared Euclidean.*got metric 'correlation'"):
        rsa.compare(squared, other, method="whitened_pearson", n_bootstraps=0)
    with pytest.raises(ArgumentError, match="rdms must hold squared .*got RDMs that do not say their metric"):
        rsa.compare(dataset(vectors[:1]), squared, method="whitened_cosine", n_bootstraps=0)
    crossed = dataset(vectors[:1], metric="crossnobis")
    assert np.isfinite(rsa.compare(crossed, squared, method="whitened_cosine", n_permutations=9, n_bootstraps=0).p)


def test_noise_is_matched_by_image_and_checked():
    n, rng = 8, np.random.default_rng(0)
    vectors = squared_distances(n, 2)
    rdms, ref = (dataset(v[None], metric="sqeuclidean") for v in vectors)
    variances = xr.DataArray(rng.uniform(1, 2, n), dims="image", coords={"image": names_of(n)})
    options = {"method": "whitened_cosine", "n_permutations": 20, "n_bootstraps": 20}
    plain = rsa.compare(rdms, ref, noise_cov=variances, **options)
    xr.testing.assert_equal(rsa.compare(rdms, ref, noise_cov=variances[::-1], **options), plain)
    names = {"image": names_of(n), "image_2": names_of(n)}
    matrix = xr.DataArray(np.diag(variances), dims=["image", "image_2"], coords=names)
    options["n_bootstraps"] = 0
    turned = matrix.isel(image=slice(None, None, -1))
    for one in (matrix, turned, matrix.drop_vars("image_2")):
        got = rsa.compare(rdms, ref, noise_cov=one, **options)
        np.testing.assert_allclose(got.estimate, plain.estimate, atol=1e-12)
    with pytest.raises(ArgumentError, match="noise_cov must be diagonal for a bootstrap"):
        rsa.compare(rdms, ref, noise_cov=matrix, method="whitened_cosine")
    with pytest.raises(ArgumentError, match="noise_cov must be positive definite"):
        rsa.compare(rdms, ref, noise_cov=variances - 5, **options)
    with pytest.raises(ArgumentError, match="noise_cov must be positive definite"):
        rsa.compare(rdms, ref, noise_cov=matrix - 5, **options)
    with pytest.raises(ArgumentError, match="noise_cov must be left out; got it with method='pearson'"):
        rsa.compare(rdms, ref, noise_cov=variances, method="pearson")
    with pytest.raises(ArgumentError, match="noise_cov must hold the images"):
        rsa.compare(rdms, ref, noise_cov=variances[1:], **options)
    wrong = matrix.assign_coords(image_2=names_of(n + 1)[1:])
    with pytest.raises(ArgumentError, match="noise_cov must hold the same images along 'image_2'"):
        rsa.compare(rdms, ref, noise_cov=wrong, **options)
    with pytest.raises(KindError, match="noise_cov must be a DataArray; got float"):
        rsa.compare(rdms, ref, noise_cov=1.0, **options)


@pytest.mark.parametrize("method", COMPARISONS)
def test_every_method_is_blind_to_the_order_of_images_and_finds_itself(method):
    rng = np.random.default_rng(0)
    vectors = squared_distances(10, 2)
    rdms, ref = (dataset(v[None], metric="sqeuclidean") for v in vectors)
    order = names_of(10)[rng.permutation(10)]
    options = {"method": method, "n_permutations": 30, "n_bootstraps": 30}
    plain = rsa.compare(rdms, ref, **options)
    turned = rdm.select(rdms, order).assign_attrs(metric="sqeuclidean")
    xr.testing.assert_allclose(rsa.compare(turned, ref, **options), plain, atol=1e-12)
    itself = rsa.compare(rdms, rdms, **options)
    assert itself.estimate[0] == pytest.approx(1)
    assert rsa.compare(ref, rdms, **options).estimate[0] == pytest.approx(float(plain.estimate[0]), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(list(COMPARISONS)), st.sampled_from(["two-sided", "greater", "less"]))
def test_either_side_may_be_the_reference(seed, method, alternative):
    vectors = squared_distances(5, 2, seed)
    one, other = (dataset(v[None], metric="sqeuclidean") for v in vectors)
    options = {"method": method, "alternative": alternative, "n_permutations": 120, "n_bootstraps": 0}
    there, back = rsa.compare(one, other, **options), rsa.compare(other, one, **options)
    assert there.attrs["exact"] == back.attrs["exact"] == "true"
    assert there.estimate.item() == pytest.approx(back.estimate.item(), abs=1e-12)
    # all 120 rearrangements of one side are those of the other, turned round
    assert there.p.item() == pytest.approx(back.p.item(), abs=1e-12)
