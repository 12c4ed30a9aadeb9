"""What similarities are without any relation, where that is not 0; data that leave too little to rearrange or draw."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from geometry import dataset, names_of, normal, people, squared_distances
from scipy.spatial.distance import pdist, squareform
from scipy.stats import t

from memfeat import plot, rdm, rsa, stats
from memfeat.errors import ArgumentError

COSINES = ["cosine", "whitened_cosine"]


def pair(n=12, seed=0, metric="sqeuclidean"):
    return (dataset(v[None], metric=metric) for v in squared_distances(n, 2, seed))


def similarity(one, other):
    return one @ other / np.sqrt(one @ one * (other @ other))


def test_cosines_are_compared_with_their_mean_over_rearrangements():
    rdms, ref = pair(7)
    got = rsa.compare(rdms, ref, method="cosine", n_permutations=300, n_bootstraps=0, rng=3)
    rows, _ = stats.permutations(7, 300, rng=np.random.default_rng(3))
    square = squareform(ref.rdm.values[0])
    null = [similarity(rdms.rdm.values[0], squareform(square[np.ix_(row, row)], checks=False)) for row in rows]
    chance = np.mean([*null, got.estimate.item()])
    assert got.chance.item() == pytest.approx(chance)
    away = np.abs(np.array(null) - chance) >= abs(got.estimate.item() - chance) - 1e-9
    assert got.p.item() == pytest.approx((1 + away.sum()) / 301)
    # over all rearrangements it is the product of the sums of the scaled RDMs, by the number of pairs
    u, v = (side / np.linalg.norm(side) for side in (rdms.rdm.values[0], ref.rdm.values[0]))
    every = rsa.compare(rdms, ref, method="cosine", n_permutations=5_040, n_bootstraps=0)
    assert every.attrs["exact"] == "true"
    assert every.chance.item() == pytest.approx(u.sum() * v.sum() / 21)


@pytest.mark.parametrize("method", COSINES)
def test_a_reference_that_is_opposite_is_found_two_sided(method):
    rdms, _ = pair(10)
    turned = rdms.assign(rdm=rdms.rdm.max() + rdms.rdm.min() - rdms.rdm)
    got = rsa.compare(rdms, turned, method=method, n_permutations=499, n_bootstraps=0)
    assert got.estimate < got.chance
    assert got.p <= 0.01
    assert "chance" not in rsa.compare(rdms, turned, method="pearson", n_permutations=9, n_bootstraps=0)


@pytest.mark.parametrize("method", COSINES)
@pytest.mark.parametrize("resample", ["rdms", "both"])
def test_cosines_are_not_tested_against_zero(method, resample):
    rdms, ref = people()
    options = {"method": method, "resample": resample, "n_bootstraps": 20}
    with pytest.raises(
        ArgumentError, match=f"n_permutations must be 0 with method='{method}' and resample='{resample}'"
    ):
        rsa.compare(rdms, ref, **options)
    got = rsa.compare(rdms, ref, n_permutations=0, **options)
    assert np.isfinite(got.ci_low).all()
    assert np.isnan(got.p).all()


def test_time_courses_of_cosines_are_not_clustered():
    rdms, ref = people(participants=6)
    ref = xr.concat([ref, ref], pd.Index([0.0, 1.0], name="time"))
    found = rsa.compare(rdms, ref, method="cosine", resample="rdms", n_permutations=0, n_bootstraps=0)
    with pytest.raises(ArgumentError, match="result must hold similarities that are 0 without any relation"):
        rsa.cluster(found)


def test_patterns_that_frame_images_keep_their_place():
    features = [
        xr.DataArray(
            np.abs(normal(9, 5, seed=seed)) + 1, dims=["image", "a:unit"], coords={"image": names_of(9)}, name="a"
        )
        for seed in (0, 1)
    ]
    rdms, ref = (rdm.compute(rsa.frame(one), metric="sqeuclidean") for one in features)
    got = rsa.compare(rdms, ref, method="pearson", n_permutations=99, n_bootstraps=60, rng=5)
    random = np.random.default_rng(5)
    rows, _ = stats.permutations(9, 99, rng=random)
    one, other = (
        pdist(np.vstack([values, np.zeros(5), np.ones(5)]), "sqeuclidean") for values in map(np.array, features)
    )
    square = squareform(other)
    null = []
    for row in rows:
        places = np.array([*row, 9, 10])
        null.append(np.corrcoef(one, squareform(square[np.ix_(places, places)], checks=False))[0, 1])
    assert got.chance.item() == pytest.approx(np.mean([*null, got.estimate.item()]))
    assert got.chance > 0.5  # unrelated, but far from both patterns
    assert got.n.item() == 11
    counts = stats.bootstrap_counts(9, 60, rng=random)
    draws = []
    for sample in np.column_stack([counts, np.ones((60, 2), dtype=int)]):
        weight = squareform(np.outer(sample, sample), checks=False)
        draws.append(np.corrcoef(np.repeat(one, weight), np.repeat(other, weight))[0, 1])
    low, high = stats.expanded(np.array(draws), n=9)
    np.testing.assert_allclose([got.ci_low.item(), got.ci_high.item()], [low, high], atol=1e-9)
    for function in (rsa.partial, rsa.partition, rsa.weighted):
        with pytest.raises(ArgumentError, match="must hold images only; got the patterns of mf.rsa.frame"):
            function(xr.concat([rdms, ref], "layer"), ref, *([ref] if function is rsa.partial else []))
    group = pd.Series(np.repeat([0, 1, 2], 3), index=names_of(9))
    grouped = rsa.compare(rdms, ref, blocks=group, permute="within", n_permutations=9, n_bootstraps=9)
    assert np.isfinite(grouped.p)


def test_missing_pairs_and_a_reference_of_two_values_leave_other_layers_alone():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(2, 66)) ** 2
    vectors[1, random.random(66) < 0.3] = np.nan
    rdms = dataset(vectors)
    category = pd.Series(list("aaaabbbbcccc"), index=names_of(12))
    ref = rdm.from_categories(category)
    options = {"method": "pearson", "n_permutations": 199, "n_bootstraps": 0}
    both = rsa.compare(rdms, ref, **options)
    alone = rsa.compare(rdms.isel(layer=[0]), ref, **options)
    assert both.p[0] == alone.p[0]
    assert both.p_corrected[0] >= both.p[0]
    few = pd.Series(["a", "a", *"bcdefghijk"], index=names_of(12))
    with pytest.raises(ArgumentError, match="rdms and ref must share pairs that vary .* got layer 'l1', of which"):
        rsa.compare(rdms, rdm.from_categories(few), **options)


def test_groups_count_as_units_where_images_and_participants_are_drawn():
    rdms, ref = people(n=24, layers=1)
    group = pd.Series(np.repeat(np.arange(6), 4), index=names_of(24))
    options = {"method": "pearson", "resample": "both", "n_permutations": 0, "n_bootstraps": 300, "rng": 2}
    got = rsa.compare(rdms, ref, blocks=group, permute="whole", **options)
    random = np.random.default_rng(2)
    counts = stats.bootstrap_counts(24, 300, rng=random, blocks=group.to_numpy(), permute="whole")
    people_drawn = random.multinomial(5, np.full(5, 0.2), size=300) / 5
    first, second = np.triu_indices(24, 1)
    values = np.empty((5, 300))
    for k, sample in enumerate(counts):
        times = sample[first] * sample[second]
        one, *others = (np.repeat(v, times) for v in (rdms.rdm.values[0], *ref.rdm.values[0]))
        values[:, k] = [np.corrcoef(one, other)[0, 1] for other in others]
    alone = got.by_participant.values[0] @ people_drawn.T
    parts = [part.var(ddof=1) for part in ((values * people_drawn.T).sum(axis=0), alone, values.mean(axis=0))]
    error = np.sqrt(stats.two_factor(*parts, n_rdms=5, n_images=6))
    degrees = stats.two_factor_degrees(*parts, n_rdms=5, n_images=6)
    half = t.ppf(0.975, degrees) * error
    np.testing.assert_allclose(got.ci_high - got.estimate, half, rtol=1e-6)


def test_the_bias_is_taken_out_where_images_and_participants_are_drawn():
    rdms, ref = people(n=20)
    options = {"method": "whitened_cosine", "n_permutations": 0, "n_bootstraps": 50}
    images, both = (rsa.compare(rdms, ref, resample=how, **options) for how in ("images", "both"))
    np.testing.assert_allclose(both.bias, images.bias)
    np.testing.assert_allclose(both.corrected, both.estimate - both.bias)
    np.testing.assert_allclose((both.ci_low + both.ci_high) / 2, both.corrected)
    tested = rsa.compare(rdms, ref, resample="both", method="whitened_pearson", n_permutations=9, n_bootstraps=50)
    assert (np.sign(tested.ci_low) == np.sign(tested.ci_high)).equals(tested.p <= 0.05)
    gap = rsa.contrast(rdms, ref, resample="both", method="whitened_cosine", n_bootstraps=50)
    np.testing.assert_allclose(gap.bias, -np.diff(images.bias))
    np.testing.assert_allclose((gap.ci_low + gap.ci_high) / 2, gap.estimate - gap.bias)


def test_many_contrasts_can_be_told_apart():
    n = 40
    shared, rest = normal(n, 6, seed=1), normal(9, n, 6, seed=2)
    layers = np.array([pdist(shared + 0.3 * (1 + k) * one, "sqeuclidean") for k, one in enumerate(rest)])
    got = rsa.contrast(dataset(layers), dataset(pdist(shared, "sqeuclidean")[None]), method="pearson", n_bootstraps=599)
    assert got.sizes["contrast"] == 36
    assert (got.p_corrected >= got.p).all()
    assert got.p_corrected.min() < 0.02
    assert "largest deviation" in got.attrs["correction"]


def test_what_leaves_nothing_to_draw_is_refused():
    rdms, ref = people(n=8)
    alone = pd.Series(range(8), index=names_of(8))
    for function in (rsa.compare, rsa.contrast):
        with pytest.raises(ArgumentError, match="blocks must leave something to draw with permute='within'"):
            function(
                rdms, ref, blocks=alone, permute="within", **({"n_permutations": 0} if function is rsa.compare else {})
            )
        with pytest.raises(ArgumentError, match="blocks must be left out with resample='rdms'"):
            function(rdms, ref, blocks=alone // 2, permute="whole", resample="rdms")
    with pytest.raises(ArgumentError, match="n_bootstraps must be 0, or at least 2 for a standard error; got 1"):
        rsa.compare(rdms, ref, resample="both", n_bootstraps=1)


@pytest.mark.parametrize("method", COSINES)
def test_reliability_is_for_correlations(method):
    rdms, ref = pair()
    with pytest.raises(ArgumentError, match="method must be a correlation where a reliability is given; got a cosine"):
        rsa.compare(rdms, ref, method=method, n_permutations=0, reliability={"split_half": 0.5})


def test_one_reference_that_lacks_pairs_leaves_the_noise_bounds_of_the_others():
    rdms, ref = people()
    lacking = ref.copy(deep=True)
    lacking.rdm[0, 0, 3] = np.nan
    both = xr.concat([ref, lacking], pd.Index(["V1", "IT"], name="roi"))
    options = {"method": "pearson", "n_permutations": 0, "n_bootstraps": 20}
    got, alone = rsa.compare(rdms, both, **options), rsa.compare(rdms, ref, **options)
    for name in ("noise_lower", "noise_upper", "noise_upper_ci_high"):
        assert got[name].sel(roi="V1").item() == pytest.approx(alone[name].item())
        assert np.isnan(got[name].sel(roi="IT"))


def test_profiles_of_cosines_show_chance_and_those_of_whitened_ones_what_their_interval_is_about():
    rdms, ref = people()
    ref = ref.isel(participant=0, drop=True)
    whitened = rsa.compare(rdms, ref, method="whitened_cosine", n_permutations=19, n_bootstraps=10)
    ax = plot.layer_profile(whitened)
    assert "less its bias" in ax.get_ylabel()
    drawn = [line.get_ydata() for line in ax.get_lines()]
    assert any(np.array_equal(one, whitened.corrected) for one in drawn)
    assert any(np.array_equal(one, whitened.chance) for one in drawn)
    assert not any(np.array_equal(one, [0, 0]) for one in drawn)
