# %% [markdown]
# # Is a concept remembered for what it means or for what it looks like?
#
# Some things are remembered better than others, whichever picture shows them. Three explanations are asked in turn: the
# category, how typical a concept is of it, and 49 dimensions in which people find concepts alike, some of which are
# about meaning and some about looks.
#
# **Data.** `things_concepts/`: corrected recognition (hit rate − false-alarm rate) of the 1,854 concepts of THINGS, a
# mean over pictures of each; ratings of how typical a concept is of a category, 1,619 pairs in 27 categories (Kramer et
# al., 2023); and the 49 dimensions of Hebart et al. (2020), found in judgements of which of three things is the odd one
# out. `MEMFEAT_DATA` must name the folder that holds it; `mf.datasets.citation("things_concepts")` says where it is
# from. It is about published tables only: what it needs beside scores, ratings and dimensions of each concept, a folder
# of photographs does not have. *What does a layer say about one image …?* asks about typicality in features of your
# own.
#
# **Time.** A minute on one core. With `MEMFEAT_IMAGES` set to a number, fewer random draws are made: enough to see that
# it runs, and for nothing else.
#
# **What was published.** Dimensions capture over half of the explainable variance, semantic ones more than visual ones;
# the relation with typicality is mixed, with a slight bias towards prototypical concepts (from the abstract of Kramer
# et al., 2023). From the tables: mean .790, SD .041, range .649 to .910; typicality and memorability over all pairs *r*
# = −.001 (p = .95); in 27 categories 2 correlations above and 4 below 0 at p < .05, uncorrected, mean ρ −.09 (category
# 1 +.16, category 21 −.48); category explains η² = .23, from plants (.73) to body parts (.855) (recomputed from the
# tables by others). From a notebook beside the tables (as quoted in a summary): how alike a concept is to the others of
# its category explains R² = .032 of the memorability of 1,324 concepts, and that and 16 dimensions of an embedding
# .296. How likeness was computed we have not seen.
#
# **What this is worth.** Concepts, not pictures, are the cases; scores are means over pictures, so that what makes one
# picture of an aardvark better remembered than another is not in them. All of it is correlation. The tables hold no
# scores of halves of the participants, so that **no noise ceiling can be computed**, and shares below are of all
# variance, not of what could be explained.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import LinearRegression

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
if not (data / "things_concepts").is_dir():
    sys.exit("Set MEMFEAT_DATA to the folder that holds things_concepts; memfeat may not ship it.")
draws = {"n_permutations": 99 if few else 9_999, "n_bootstraps": 200 if few else 1_000, "rng": 0}
n_random = 5 if few else 200

# %% [markdown]
# ## Concepts and categories
#
# A concept stands where tables of photographs have an image.

# %%
concepts = mf.datasets.load("things_concepts")
memory, n_concepts = concepts["corrected_recognition"], concepts.sizes["image"]
assert n_concepts == 1_854
told = [memory.mean(), memory.std(ddof=1), memory.min(), memory.max()]
assert np.allclose(told, [0.790, 0.041, 0.649, 0.910], atol=5e-4)
print("{} concepts: mean {:.3f}, SD {:.3f}, range {:.3f} to {:.3f}".format(n_concepts, *map(float, told)))

# %%
category = concepts["category"].to_series().where(lambda name: name.notna() & (name != ""), "no category")
scores = memory.to_series()


def explained(values, groups):
    """Give η²: the share of variance that lies between groups."""
    means = values.groupby(groups).transform("mean")
    return float(((means - values.mean()) ** 2).sum() / ((values - values.mean()) ** 2).sum())


means = scores.groupby(category).agg(["mean", "size"]).sort_values("mean")
print(means.round(3).to_string())
inside = category != "no category"
eta = {"all": explained(scores, category), "with a category": explained(scores[inside], category[inside])}
print(f"η² over all {n_concepts}, those without a category as one more: {eta['all']:.3f}")
print(f"η² over the {inside.sum()} with a category: {eta['with a category']:.3f}")
assert abs(eta["all"] - 0.23) < 5e-3
assert np.allclose(means["mean"][["plant", "body part"]], [0.73, 0.855], atol=5e-4)

# %% [markdown]
# ## Typicality
#
# First over all pairs of a category and a concept, as if they were independent; they are not: some concepts are in
# several categories. Then in each category by itself, corrected over the 27 by the false discovery rate.

# %%
pairs = mf.datasets.table("things_concepts", "typicality")
assert (len(pairs), pairs["image"].nunique(), pairs["category_number"].nunique()) == (1_619, 1_292, 27)
assert np.allclose(pairs["corrected_recognition"], scores[pairs["image"]])
pooled = pearsonr(pairs["typicality"], pairs["corrected_recognition"])
assert abs(pooled.statistic - -0.001) < 5e-4
assert abs(pooled.pvalue - 0.95) < 5e-3
print(
    f"{len(pairs)} pairs of {pairs['image'].nunique()} concepts: r = {pooled.statistic:+.4f}, p = {pooled.pvalue:.2f}"
)

# %%
names = concepts["category"].to_series().groupby(concepts["category_number"].to_series()).first()
rows = {}
for number, some in pairs.groupby("category_number"):
    some = some.set_index("image")
    found = mf.measures.profile(
        xr.Dataset({"typicality": some["typicality"].to_xarray()}), some["corrected_recognition"], **draws
    ).isel(layer=0)
    by_hand = spearmanr(some["typicality"], some["corrected_recognition"])
    assert np.isclose(found["estimate"], by_hand.statistic)
    # four categories have no name in the tables: their first two concepts stand for them
    name = names.get(number) or ", ".join(some.index[:2]) + ", …"
    rows[number] = {"name": name, "n": len(some)} | {
        part: float(found[part]) for part in ("estimate", "ci_low", "ci_high", "p")
    }
    rows[number] |= {"p_student": by_hand.pvalue}
within = pd.DataFrame(rows).T.infer_objects().rename_axis("category")
within["p_fdr"] = mf.stats.fdr(within["p"].to_numpy())
print(within.round(3).to_string())

# %%
clear = within[within["p_student"] < 0.05]
assert ((clear["estimate"] > 0).sum(), (clear["estimate"] < 0).sum()) == (2, 4)
assert np.allclose(within["estimate"].loc[[1, 21]], [0.16, -0.48], atol=5e-3)
assert abs(within["estimate"].mean() - -0.09) < 5e-3
if not few:
    assert list(within.index[within["p_fdr"] < 0.05]) == [21]

# %% [markdown]
# All categories together: ranks of both inside each category, which no difference between categories can reach; for p
# pairs change places inside their category, and for the interval they are drawn inside it. That, too, takes pairs for
# independent, and 1,619 pairs are of 1,292 concepts: a concept in two categories brings its one score twice. So an
# interval is added for which concepts are drawn, each with all of its pairs. p stays one for pairs.

# %%
ranks = pairs.groupby("category_number")[["typicality", "corrected_recognition"]].rank(pct=True)
ranks.index = (pairs["image"] + " " + pairs["category_number"].astype(str)).rename("image")
block = pd.Series(pairs["category_number"].to_numpy(), ranks.index, name="category")
inner = {"method": "pearson", "blocks": block, "permute": "within"}
together = mf.measures.profile(
    xr.Dataset({"typicality": ranks["typicality"].to_xarray()}), ranks["corrected_recognition"], **draws, **inner
).isel(layer=0)
print(
    f"ρ within categories, all {len(ranks)} pairs: {together['estimate']:+.3f} [{together['ci_low']:+.3f}, "
    f"{together['ci_high']:+.3f}], p = {together['p']:.4f}"
)
generator = np.random.default_rng(0)
concept, x, y = pd.factorize(pairs["image"])[0], *ranks.to_numpy().T
assert np.isclose(together["estimate"], np.corrcoef(x, y)[0, 1])
n_drawn = concept.max() + 1
samples = generator.multinomial(n_drawn, np.full(n_drawn, 1 / n_drawn), size=draws["n_bootstraps"])
again = [np.corrcoef(np.repeat(x, times[concept]), np.repeat(y, times[concept]))[0, 1] for times in samples]
low, high = np.quantile(again, [0.025, 0.975])
print(f"with {n_drawn} concepts drawn instead of pairs, percentiles: [{low:+.3f}, {high:+.3f}]")

# %% [markdown]
# ## Likeness within a category
#
# A concept can also be called typical if it is like the others of its category in dimensions found from judgements. Two
# figures of the authors' notebook are about this, fitted to the concepts they are reported for: what likeness explains,
# and what it explains with the 16 dimensions of their embedding. Their definition of likeness is not known to us. So
# seven are tried, each a mean over the other concepts of the category: six on the 49 dimensions, and one on the
# embedding.

# %%
spose = mf.datasets.table("things_concepts", "spose")["spose"]
weights = spose.sel(image=concepts["image"]).values
assert weights.shape == (1_854, 49)
embedding = mf.datasets.table("things_concepts", "embeddings")["embeddings"].sel(image=concepts["image"]).values
assert embedding.shape == (1_854, 16)
numbers, among = concepts["category_number"].values, inside.to_numpy()
of_category = (numbers[:, None] == numbers) & among & ~np.eye(n_concepts, dtype=bool)
likeness = {
    "Euclidean distance": -squareform(pdist(weights)),
    "squared distance": -squareform(pdist(weights, "sqeuclidean")),
    "sum of differences": -squareform(pdist(weights, "cityblock")),
    "correlation": 1 - squareform(pdist(weights, "correlation")),
    "cosine": 1 - squareform(pdist(weights, "cosine")),
    "product": weights @ weights.T,
    "Euclidean distance, embedding": -squareform(pdist(embedding)),
}
likeness = {
    name: np.where(of_category, pair, 0).sum(1)[among] / of_category.sum(1)[among] for name, pair in likeness.items()
}
remembered = memory.values[among]
assert len(remembered) == 1_324


def r_squared(*columns):
    """Give what a regression explains of the concepts that it is fitted to."""
    features = np.column_stack(columns)
    return LinearRegression().fit(features, remembered).score(features, remembered)


by_likeness = pd.DataFrame(
    {
        name: {"alone": r_squared(one), "and embedding": r_squared(one, embedding[among])}
        for name, one in likeness.items()
    }
).T
print(by_likeness.round(4).to_string())
print(f"embedding alone: {r_squared(embedding[among]):.4f}")
both_known = (by_likeness.round(3) == [0.032, 0.296]).all(axis=1)
assert list(by_likeness.index[both_known]) == ["Euclidean distance"]

# %% [markdown]
# One gives both figures: minus the mean Euclidean distance in the 49 dimensions. Is it about concepts in a category, or
# about categories? The same correlation of ranks, over all and inside categories.

# %%
near = xr.Dataset({"likeness": ("image", likeness["Euclidean distance"])}, {"image": concepts["image"].values[among]})
own = category[among]
assert own.nunique() == len(set(numbers[among]))
overall = mf.measures.profile(near, memory.sel(image=near["image"]), **draws).isel(layer=0)
shared = pd.DataFrame({"near": near["likeness"].to_series(), "memory": scores[inside]}).groupby(own).rank(pct=True)
in_each = mf.measures.profile(
    xr.Dataset({"likeness": shared["near"].to_xarray()}),
    shared["memory"],
    method="pearson",
    blocks=own.rename("category"),
    permute="within",
    **draws,
).isel(layer=0)
for name, one in {"over all": overall, "inside categories": in_each}.items():
    print(
        f"likeness and memorability, {len(remembered)} concepts, {name}: ρ = {one['estimate']:+.3f} "
        f"[{one['ci_low']:+.3f}, {one['ci_high']:+.3f}], p = {one['p']:.4f}"
    )
assert np.isclose(overall["estimate"], spearmanr(near["likeness"], remembered).statistic)

# %% [markdown]
# ## 49 dimensions
#
# How much of memorability do all dimensions predict of concepts that were held out? Each fifth of the concepts is
# predicted from the others, and the penalty is chosen inside each training set. Intervals are about other concepts,
# with predictions held fixed: that another sample would have been fitted otherwise is not in them. Beside it what a
# regression explains of the concepts it was fitted to, which is always more, and what the category alone predicts.

# %%
whole = mf.regression.decode(spose.rename("dimensions"), memory, scale="unit", **draws | {"n_permutations": 0}).isel(
    layer=0
)
coded = mf.features.from_table(pd.get_dummies(category, dtype=float).reset_index(), layer="category")
only = mf.regression.decode(coded, memory, **draws | {"n_permutations": 0}).isel(layer=0)
fitted = LinearRegression().fit(weights, memory.values).score(weights, memory.values)
adjusted = 1 - (1 - fitted) * (n_concepts - 1) / (n_concepts - 49 - 1)
held = memory.values - whole["prediction"].sel(image=concepts["image"]).values
assert np.isclose(whole["r2"], 1 - (held**2).sum() / ((memory.values - memory.values.mean()) ** 2).sum())
assert whole["r2"] < adjusted
for name, result in {"49 dimensions": whole, "category": only}.items():
    assert result.attrs["n_folds"] == 5
    assert result.attrs["interval"].endswith("predictions held fixed")
    print(f"{name}, held out: R² = {result['r2']:.3f} [{result['r2_ci_low']:.3f}, {result['r2_ci_high']:.3f}]")
print(f"49 dimensions, fitted to the same concepts: R² = {fitted:.3f}, adjusted {adjusted:.3f}")

# %% [markdown]
# ## Meaning or looks?
#
# The tables hold no labels of the dimensions, and nothing that says which are semantic. **The assignment below is
# ours**, by this rule: of the eight concepts that are highest on a dimension, say what they have in common. If it is a
# kind of thing, a use or a place, the dimension is semantic; if it is a colour, a shape, a texture or a pattern,
# visual; if it is a material, if both would do, or if we see nothing, mixed. It was made once and not changed, but not
# blindly: the correlations of single dimensions below stood beside the concepts.

# %%
semantic = {
    1: "food", 2: "animals", 3: "clothes", 4: "furniture", 5: "plants", 6: "outdoors", 7: "vehicles", 9: "body",
    11: "ornate", 12: "electronics", 13: "sports", 15: "tools", 18: "drinks", 20: "water", 23: "flowers",
    24: "bathroom", 26: "weapons", 27: "music", 28: "flying", 34: "insects", 36: "limbs", 39: "fire", 40: "head",
    42: "seats on wheels", 44: "children", 45: "medicine",
}  # fmt: skip
visual = {
    10: "colourful", 14: "disc", 19: "long, thin", 21: "grainy", 22: "red", 25: "black", 29: "ball",
    30: "many strands", 31: "flat, patterned", 32: "white", 37: "glassy", 46: "grid",
}  # fmt: skip
mixed = sorted(set(range(49)) - set(semantic) - set(visual))
kinds = dict.fromkeys(semantic, "semantic") | dict.fromkeys(visual, "visual")
assert (len(semantic), len(visual), len(mixed)) == (26, 12, 11)
alone = mf.regression.unitwise(spose, memory, n_permutations=0)["spose"]
order = np.argsort(-weights, axis=0)[:8].T
listed = pd.DataFrame(
    {
        "kind": [kinds.get(number, "mixed") for number in range(49)],
        "our word": [(semantic | visual).get(number, "") for number in range(49)],
        "ρ": alone.sel(statistic="estimate").values.round(2),
        "p, FDR": alone.sel(statistic="p_fdr").values.round(3),
        "highest": [", ".join(concepts["image"].values[rows[:6]]) for rows in order],
    }
)
print(listed.to_string())
assert np.isclose(listed["ρ"][0], spearmanr(weights[:, 0], memory).statistic, atol=5e-3)

# %% [markdown]
# What do semantic and visual dimensions predict, each alone and in common? Mixed ones are left out first, then counted
# with the one, then with the other.

# %%
ways = {
    "mixed left out": (list(semantic), list(visual)),
    "mixed are semantic": ([*semantic, *mixed], list(visual)),
    "mixed are visual": (list(semantic), [*visual, *mixed]),
}


def shares(meaning, looks, **options):
    """Share out what two sets of dimensions predict of held-out concepts."""
    sets = {"semantic": spose[:, meaning], "visual": spose[:, looks]}
    return mf.regression.partition(sets, memory, rng=0, **options)


parts = {name: shares(*way) for name, way in ways.items()}
for name, result in parts.items():
    told = [
        f"{row} {result['estimate'].sel(subset=row):+.3f} [{result['ci_low'].sel(subset=row):+.3f}, "
        f"{result['ci_high'].sel(subset=row):+.3f}]"
        for row in result["subset"].values
    ]
    print(f"{name} ({len(ways[name][0])} and {len(ways[name][1])} dimensions): {'; '.join(told)}")
    r2 = result["r2"].sel(subset=["semantic", "visual", "semantic & visual"]).values
    assert np.allclose(result["estimate"].values, [r2[2] - r2[1], r2[2] - r2[0], r2[0] + r2[1] - r2[2]])

# %% [markdown]
# There are more semantic dimensions than visual ones, and more dimensions predict more. So twice something random: as
# many semantic dimensions as visual ones, drawn from the 26; and sets of 26 and 12 dimensions drawn from all 49,
# whatever they are about.

# %%
generator = np.random.default_rng(0)
plain = {"interval": "none", "n_bootstraps": 0}
equal = [shares(generator.choice(list(semantic), 12, replace=False), list(visual), **plain) for _ in range(n_random)]
blind = [shares(some[:26], some[26:38], **plain) for some in (generator.permutation(49) for _ in range(n_random))]
drawn = {
    name: xr.concat([result["estimate"] for result in results_of], "draw").to_pandas()
    for name, results_of in {"12 of 26 semantic, 12 visual": equal, "26 and 12 at random": blind}.items()
}
for name, table in drawn.items():
    said = [
        f"{row} {table[row].mean():+.3f} ({table[row].quantile(0.025):+.3f} to {table[row].quantile(0.975):+.3f})"
        for row in table
    ]
    print(f"{name}, {n_random} draws: {'; '.join(said)}")
more = (drawn["12 of 26 semantic, 12 visual"]["semantic"] > drawn["12 of 26 semantic, 12 visual"]["visual"]).mean()
print(f"with 12 of each, semantic dimensions alone predict more than visual ones in {100 * more:.0f} % of draws")

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplot_mosaic(
        [["left", "one"], ["left", "two"], ["left", "three"]], figsize=(180 / 25.4, 150 / 25.4), layout="constrained"
    )
    shown, ax = within.sort_values("estimate"), panels["left"]
    places = np.arange(len(shown))
    ax.hlines(places, shown["ci_low"], shown["ci_high"], color="#0072B2", linewidth=0.9)
    for passed, fill in {True: "#0072B2", False: "white"}.items():
        which = (shown["p_fdr"] < 0.05).to_numpy() == passed
        ax.plot(shown["estimate"][which], places[which], "o", color="#0072B2", markerfacecolor=fill, markersize=4)
    ax.axvline(0, color="black", linewidth=0.6)
    ax.set_yticks(places, [f"{row['name']} ({row['n']})" for _, row in shown.iterrows()])
    ax.set(xlabel="Spearman ρ of typicality and memorability", xlim=(-1, 1), ylim=(-1, len(shown)))
    ax.set_title(
        "n concepts in brackets; line: 95 %, bootstrap over\nconcepts; filled: p < .05, FDR over 27 categories",
        loc="left",
        fontsize=6.5,
        color="#595959",
    )
    for at, (name, result) in zip(("one", "two", "three"), parts.items(), strict=True):
        mf.plot.partition(result, ax=panels[at], label=f"R², held out; {name}")
        panels[at].set_xlim(-0.03, 0.42)
        # what memfeat calls an image is a concept here
        panels[at].set_title(panels[at].get_title("left").replace("images", "concepts"), loc="left", fontsize=6.5)
mf.plot.save(figure, figures / "07_concepts", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## The answer

# %%
best, double = parts["mixed left out"], 2 * float(whole["r2"])
print(f"R² = {whole['r2']:.3f} is over half of what can be explained if scores have a reliability below {double:.2f}")
for result in parts.values():
    alone_of = result.sel(subset=["semantic", "visual"])
    assert alone_of["ci_low"].sel(subset="semantic") > alone_of["ci_high"].sel(subset="visual")

# %% [markdown]
# Each figure of the answer below, at the digits in which it is given there: that keeps what is said and what is printed
# together.

# %%
said = {}
if not few:
    one = {name: result["estimate"].values for name, result in parts.items()}
    limits = best[["ci_low", "ci_high"]].to_dataarray().values.T
    said = {
        "η²": (list(eta.values()), [0.23, 0.32], 2),
        "category, held out": (only["r2"], 0.21, 2),
        "all pairs": (pooled.statistic, -0.001, 3),
        "plants": (within["estimate"][21], -0.48, 2),
        "within categories": ([together[part] for part in ("estimate", "ci_low", "ci_high")], [-0.04, -0.09, 0.01], 2),
        "within, by concepts": ([low, high], [-0.09, 0.01], 2),
        "p within": (together["p"], 0.10, 2),
        "likeness": (by_likeness.loc["Euclidean distance"], [0.032, 0.296], 3),
        "likeness, correlation": (by_likeness.loc["correlation"], [0.029, 0.294], 3),
        "likeness, over all": ([overall[part] for part in ("estimate", "ci_low", "ci_high")], [0.19, 0.14, 0.24], 2),
        "likeness, inside": ([in_each[part] for part in ("estimate", "ci_low", "ci_high")], [0.01, -0.05, 0.06], 2),
        "likeness, p inside": (in_each["p"], 0.85, 2),
        "dimensions, held out": ([whole[f"r2{part}"] for part in ("", "_ci_low", "_ci_high")], [0.35, 0.31, 0.38], 2),
        "dimensions, fitted": (fitted, 0.38, 2),
        "reliability": (double, 0.70, 2),
        "semantic": ([one["mixed left out"][0], *limits[0]], [0.32, 0.28, 0.36], 2),
        "visual": ([one["mixed left out"][1], *limits[1]], [0.006, -0.005, 0.017], 3),
        "both": ([one["mixed left out"][2], *limits[2]], [0.006, -0.007, 0.019], 3),
        "ahead with 12 of each": (more, 1, 3),
        "12 at random": (drawn["26 and 12 at random"]["visual"].mean(), 0.06, 2),
        "mixed are visual": (one["mixed are visual"], [0.23, 0.02, 0.10], 2),
    }
wrong = {name: one for name, (*one, digits) in said.items() if not np.array_equal(np.round(one[0], digits), one[1])}
assert not wrong, wrong

# %% [markdown]
# **Category goes with memorability**, η² = .23 as it was computed before. That counts the 530 concepts that the table
# gives no category as one more; without them it is .32. Held out, category predicts R² = .21 (over all 1,854).
#
# **Typicality tells next to nothing.** Over all pairs *r* = −.001, and within categories 2 above and 4 below 0, as
# before. Of these one passes the correction: typical plants are remembered *worse* (ρ = −.48). Inside categories taken
# together ρ is −.04 [−.09, .01], p = .10, with pairs taken for independent; with concepts drawn, the interval is the
# same to two digits. The slight bias towards prototypical concepts in the abstract does not show in these ratings.
# Whether the paper finds it in other measures of typicality we cannot say: of it, the abstract is all that was read.
#
# **Likeness to the others of the category does, between categories**: R² = .032, and .296 with the embedding, as in the
# authors' notebook, if likeness is minus the mean Euclidean distance in the 49 dimensions. That definition was found by
# trial among seven, as the one that gives both figures; by correlations they would be .029 and .294. Concepts that are
# more like the others are remembered better (ρ = .19 [.14, .24]). But inside categories nothing is left of it (.01
# [−.05, .06], p = .85): it is categories whose concepts are alike that are remembered better.
#
# **49 dimensions predict R² = .35 [.31, .38]** of concepts that were held out, and .38 of those they were fitted to.
# Whether that is over half of the explainable variance cannot be said without a noise ceiling: it is if scores have a
# reliability below .70.
#
# **It is meaning, under our assignment**: semantic dimensions alone .32 [.28, .36], visual ones alone .006 [−.005,
# .017], both in common .006 [−.007, .019]. That agrees with the abstract, and it is not for their number: with 12 of
# each the semantic ones are ahead in all of 200 draws, and 12 dimensions at random predict more alone (.06) than the
# visual ones do. How much it is does depend on the assignment: if the eleven mixed dimensions (metal, wood, paper,
# ropes, boxes, …) count as visual, semantic dimensions alone have .23, visual ones .02, and .10 is in common.
#
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = xr.concat(parts.values(), pd.Index(parts, name="way"), combine_attrs="drop_conflicts")
saved = saved[["estimate", "ci_low", "ci_high", "r2", "r2_ci_low", "r2_ci_high", "n"]].drop_attrs(deep=False)
saved = saved.merge(within.drop(columns="name").add_prefix("typicality_").to_xarray())
saved = saved.assign({f"dimensions_{name}": whole[name] for name in ("r2", "r2_ci_low", "r2_ci_high")})
saved = saved.assign({f"{name.replace(' ', '_')}_eta2": value for name, value in eta.items()})
saved = saved.assign({f"category_{name}": only[name] for name in ("r2", "r2_ci_low", "r2_ci_high")})
saved = saved.merge(by_likeness.rename_axis("likeness").to_xarray().to_dataarray("fitted", name="likeness_r2"))
saved.attrs = {f"partition_{key}": value for key, value in best.attrs.items()}
for name, result in {"typicality": found, "dimensions": whole, "category": only}.items():
    saved.attrs |= {f"{name}_{key}": value for key, value in result.attrs.items()}
results.mkdir(parents=True, exist_ok=True)
saved.to_netcdf(results / "07_concepts.nc", engine="h5netcdf")
