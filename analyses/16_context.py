# %% [markdown]
# # Is a photograph remembered because it is unlike those that it is shown with?
#
# The same photograph may stand out in one series and not in another. How unlikely its features are among those of the
# others that were shown, −log p, is its contextual distinctiveness. Is that what people remember? Does it matter
# whether the context is everything, or its own kind? And is a photograph that stands out more in one experiment than in
# another also remembered better there?
#
# **Data.** None of the sets comes with memfeat; their authors give them out. `MEMFEAT_DATA` must name a folder that
# holds all three:
#
# - `figrim/`: counts of hits and false alarms for 630 scenes of 21 categories from a crowd, and the trials of 67
#   people in a laboratory (Bylinskii et al., 2015);
# - `rocks480/`: 480 photographs of 30 kinds of rock (Nosofsky et al., 2018), and trials of several experiments that
#   showed 480, 240 and 100 of them (no publication found; files with dates are of 2025; repository
#   DaniilAzarov123/Rocks_Memorability);
# - `lnsim/`: 800 outdoor photographs with hit rates and those of 25 halvings of the participants (Lu et al., 2020).
#
# Or your own: set `MEMFEAT_PHOTOS` to a folder, `MEMFEAT_SCORES` to a CSV with a column `image`, and `MEMFEAT_COLUMN`
# to its column of scores (`hit_rate` if you do not). Then only the whole set is a context: kinds and several
# experiments are left out. `MEMFEAT_BACKBONE` names the weights of the network for your own: `released` if you do not
# set it; `imagenet`, which were not retrained on memorability, for an analysis that you publish.
#
# **Time.** Two minutes on two cores after the second notebook, which leaves features in the same stores; 20 minutes
# more without it. With `MEMFEAT_IMAGES` set to a number, about so many photographs of each set are used: enough to see
# that it runs, and for nothing else.
#
# **What was published.** Bylinskii, Isola, Bainbridge, Torralba and Oliva (2015) reduce features to ten principal
# components, scale them to 0 to 1, and estimate p with an Epanechnikov kernel whose bandwidth makes images likeliest in
# view of the others; the mean of −log p over a category is its entropy; and the context effect is the correlation of
# how much more an image stands out among all than in its category with how much better it is remembered there (read in
# the authors' code). Distinct images are remembered better, more clearly so among categories than inside of one, and
# features of networks show it better than GIST (recalled, not checked against the paper).
#
# **What this is worth.** Their context effect needs scores of the same photographs from an experiment with one category
# and from one with all, and the photographs. Only one of the two crowd experiments is at hand, and 30 of the 630
# photographs: too few for a density in ten dimensions. So that finding is not tested here. In its place stand two
# experiments with rocks, of which one showed 480 photographs and the other 100 of these; they differ in more than
# context. Intervals are expanded percentiles of bootstrap samples, 95 %: of kinds for rocks, of rocks of a kind where
# they are compared inside of kinds, of photographs elsewhere.
# The weights of the network were trained to predict memorability, on photographs of other sets.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
photos, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
named = photos is None
if named and not all((data / name).is_dir() for name in ("figrim", "rocks480", "lnsim")):
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds figrim, rocks480 and lnsim, which memfeat may not ship, or "
        "MEMFEAT_PHOTOS and MEMFEAT_SCORES to your own photographs and scores."
    )
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")
bootstrap = {"n_bootstraps": 200 if few else 1_000, "rng": 0}
draws = {"n_permutations": 99 if few else 9_999} | bootstrap
found = {}


def told(result, **where):
    one = result.sel(**where)
    return f"{one['estimate']:+.3f} [{one['ci_low']:+.3f}, {one['ci_high']:+.3f}]"


# %% [markdown]
# ## Scenes: what belongs to the photograph, and what to its category
#
# Two experiments with other people, other numbers of answers and other places order the 630 scenes alike. Part of that
# is that categories differ; inside of categories it must be the photographs themselves.

# %%
if named:
    crowd = mf.datasets.table("figrim", "targets")
    trials = mf.datasets.trials("figrim").dropna(subset=["response"])
    lab = mf.scores.from_trials(trials, truth="truth", response="response")
    rates = crowd[["hit_rate"]].rename(hit_rate="crowd").assign(lab=lab["hit_rate"].sel(image=crowd["image"]))
    rates = rates.reset_coords(drop=True).to_dataframe()
    category = crowd["category"].to_series()
    assert (len(rates), category.nunique()) == (630, 21)
    assert (category.value_counts() == 30).all()
    assert np.isclose(spearmanr(rates["crowd"], rates["lab"]).statistic, 0.657, atol=5e-4)
    means = rates.groupby(category).mean()
    inside = rates - rates.groupby(category).transform("mean")
    between = {name: 30 * means[name].var(ddof=0) * 21 / (630 * rates[name].var(ddof=0)) for name in rates}
    pairs = {"all": rates, "inside categories": inside}
    for name, pair in pairs.items():
        found[f"scenes {name}"] = mf.measures.profile(pair[["lab"]].to_xarray(), pair["crowd"], **draws).isel(layer=0)
        print(f"crowd and laboratory, {name}: ρ = {told(found[f'scenes {name}'])}")
    print(f"means of the 21 categories: ρ = {spearmanr(means['crowd'], means['lab']).statistic:.2f}")
    for name, share in between.items():
        low, high = means[name].idxmin(), means[name].idxmax()
        print(
            f"{name}: categories are {share:.2f} of the variance, from {low} ({means[name].min():.2f}) to {high} "
            f"({means[name].max():.2f})"
        )

# %% [markdown]
# ## Photographs and features
#
# The 50 blocks of a ResNet-152 and the average after them, each as one number per channel, its mean over space, as in
# the other notebooks. Beside them GIST, which has nothing of what is recognised. Photographs of your own that cannot be
# read are left out. Those without a score were shown as well: they count among the others, and are not judged.

# %%
layers = ["features.layer[1-4].*", "features.avgpool"]
last = "features.layer4.2"
column = "hit_rate" if named else os.environ.get("MEMFEAT_COLUMN", "hit_rate")
if named:
    rocks, outdoor = mf.datasets.load("rocks480"), mf.datasets.load("lnsim")
    if few:
        # three of each of five kinds that two experiments showed, and one that the smaller one did not
        shown = rocks[["hit_rate", "hit_rate_exp2b"]].to_dataframe()[["hit_rate", "hit_rate_exp2b"]].notna()
        kind = rocks["subcategory"].to_series()
        both = shown.index[shown.all(axis=1)].groupby(kind[shown.all(axis=1)])
        chosen = {name: list(of[:3]) for name, of in both.items() if len(of) > 2}
        rest = shown.index[shown["hit_rate"] & ~shown["hit_rate_exp2b"]]
        chosen = [name for of, three in chosen.items() for name in [*three, *rest[kind[rest] == of][:1]]]
        rocks, outdoor = rocks.sel(image=sorted(chosen)), outdoor.isel(image=slice(few))
    sets = {"rocks": (rocks, "02_rocks480_frozen.zarr"), "outdoor": (outdoor, "02_lnsim_frozen.zarr")}
    backbone = "released"
else:
    backbone = os.environ.get("MEMFEAT_BACKBONE", "released")
    own = mf.images.read(photos, scores=table)
    print(f"{len(mf.images.ledger(own))} photographs left out, which cannot be read")
    own = own.sel(image=own["status"] == "ok")
    print(f"{int(own[column].isnull().sum())} of {own.sizes['image']} have no score")
    sets = {"own": (own, "own_frozen.zarr" if backbone == "released" else f"own_frozen_{backbone}.zarr")}
model = mf.models.load("resmem-frozen", backbone=backbone)
seen, gist = {}, {}
for name, (images, store) in sets.items():
    seen[name] = mf.extract(images, model=model, layers=layers, store=results / store).load()
    gist[name] = mf.lowlevel.gist(images)
assert all(mf.images.ledger(images).empty for images, _ in sets.values())
assert all(len(of.data_vars) == 51 for of in seen.values())
assert all(seen[name].sizes["image"] == images.sizes["image"] for name, (images, _) in sets.items())

# %% [markdown]
# ## The whole set as the context

# %%
n_components = {"n_components": 2 if few else 10}
among_all = {name: mf.measures.contextual_distinctiveness(of, **n_components) for name, of in seen.items()}
of_gist = {name: mf.measures.contextual_distinctiveness(of, **n_components) for name, of in gist.items()}

# %% [markdown]
# By hand, with scikit-learn, for the last block. Its density counts each image itself; that is taken out. And a
# bandwidth a tenth smaller or larger makes images less likely.

# %%


def surprise(points, bandwidth):
    """Give −log p of each point in view of the others."""
    kernel = {"kernel": "epanechnikov", "bandwidth": bandwidth}
    density = np.exp(KernelDensity(**kernel).fit(points).score_samples(points))
    itself = np.exp(KernelDensity(**kernel).fit(points[:1]).score_samples(points[:1]))
    others = len(points) * density - itself
    # without another in reach, what is left is rounding
    others[others < 1e-9 * itself] = 0
    with np.errstate(divide="ignore"):
        return -np.log(others / (len(points) - 1))


for name, of in among_all.items():
    raw = seen[name][last].transpose("image", ...).values.astype(float)
    points = PCA(n_components["n_components"], svd_solver="full").fit_transform(raw)
    # a component may point either way, which moves the scale: here its farthest image lies on the positive side
    points *= np.sign(points[np.abs(points).argmax(axis=0), range(points.shape[1])])
    points = (points - points.min()) / (points.max() - points.min())
    reach = of[last].attrs["bandwidth"]
    by_hand = surprise(points, reach)
    assert np.allclose(of[last].sel(image=seen[name]["image"]), by_hand, atol=1e-4)
    for factor in (0.9, 1.1):
        assert by_hand.mean() <= surprise(points, factor * reach).mean()

# %% [markdown]
# Each layer with each score. Rocks come in kinds of equal size: whole kinds change places for p, and whole kinds are
# drawn again for intervals. p is corrected over all layers and scores together, by the largest statistic of each
# permutation; that of GIST, which has no layers, over the scores only.

# %%
scores, options = {}, {name: {} for name in sets}
if named:
    called = {"hit_rate": "hit rate", "false_alarm_rate": "false-alarm rate"}
    scores["rocks"] = rocks[list(called)].reset_coords(drop=True).rename(called).dropna("image")
    scores["outdoor"] = outdoor["hit_rate"].reset_coords(drop=True)
    kind = rocks["subcategory"].reset_coords(drop=True)
    whole = {"blocks": kind.sel(image=scores["rocks"]["image"]), "permute": "whole"}
    options["rocks"] = whole
    if not few:
        halves = mf.datasets.table("lnsim", "halves")["hit_rate"]
        options["outdoor"] = {"reliability": halves.sel(image=outdoor["image"])}
else:
    scores["own"] = own[column].reset_coords(drop=True).dropna("image")
for name, of in among_all.items():
    beside = {"GIST": of_gist[name]["gist"].sel(image=scores[name]["image"])}
    judged = of.sel(image=scores[name]["image"])
    found[name] = mf.measures.profile(judged, scores[name], baselines=beside, **options[name], **draws)
    first = scores[name] if name != "rocks" else scores[name]["hit rate"]
    ours = found[name].sel({"layer": last} | ({"score": "hit rate"} if name == "rocks" else {}))
    assert np.isclose(ours["estimate"], spearmanr(judged[last], first).statistic)
assert all((found[name]["n"] == scores[name].sizes["image"]).all() for name in sets)

# %% [markdown]
# ## Rocks: everything, or one's own kind?
#
# Among the 16 rocks of its kind a rock may stand out that is nothing special among all. Inside of kinds, values and
# scores are taken less the mean of their kind, and change places inside of it. The mean of −log p over a kind is its
# entropy: are kinds with more different rocks remembered better? That is a question about 30 kinds.

# %%
if named:
    in_kind = mf.measures.contextual_distinctiveness(seen["rocks"], groups=kind, **n_components)
    rated = scores["rocks"].to_dataframe()
    group = kind.to_series().loc[rated.index]
    alone = in_kind.to_dataframe()[list(in_kind.data_vars)].loc[rated.index]
    centred = [part - part.groupby(group).transform("mean") for part in (alone, rated)]
    within = {"blocks": whole["blocks"], "permute": "within"}
    found["inside kinds"] = mf.measures.profile(centred[0].to_xarray(), centred[1], **within, **draws)
    entropy = in_kind.to_dataframe()[list(in_kind.data_vars)].groupby(kind.to_series()).mean()
    entropy, of_kinds = (part.rename_axis("image") for part in (entropy, rated.groupby(group).mean()))
    found["entropy"] = mf.measures.profile(entropy.to_xarray(), of_kinds, **draws)
    assert (found["entropy"]["n"] == entropy.shape[0]).all()
    by_hand = spearmanr(centred[0][last], centred[1]["hit rate"]).statistic
    assert np.isclose(found["inside kinds"]["estimate"].sel(layer=last, score="hit rate"), by_hand)
    assert (centred[0].groupby(group).mean().abs() < 1e-6).all(axis=None)

# %% [markdown]
# ## Rocks: another experiment, another context
#
# One experiment showed all 480 rocks, another 100 of these, of 22 kinds. For the 100, a change in context: −log p among
# the 480 less that among the 100. A change in memory: the hit rate in the one less that in the other. The reliability
# of this difference, from halves of the participants of both, says how much could be found. The 22 kinds are not of one
# size, and only kinds of as many rocks change places; for kinds without another of their size, rocks stay where they
# are.

# %%
if named:
    both = rocks[["hit_rate_exp1_old", "hit_rate_exp2b"]].reset_coords(drop=True).dropna("image")
    small = mf.measures.contextual_distinctiveness(seen["rocks"].sel(image=both["image"]), **n_components)
    change = among_all["rocks"].sel(image=both["image"]) - small
    gain = (both["hit_rate_exp1_old"] - both["hit_rate_exp2b"]).rename("gain")
    of_both = {"blocks": kind.sel(image=both["image"]), "permute": "whole"}
    found["context"] = mf.measures.profile(change, gain, **of_both, **draws)
    by_hand = spearmanr(change[last], gain).statistic
    assert np.isclose(found["context"]["estimate"].sel(layer=last), by_hand)
    parts = []
    answers = mf.datasets.trials("rocks480")
    for experiment in ("Exp1_Old", "Exp2b"):
        of = answers[(answers["experiment"] == experiment) & answers["image"].isin(both["image"].values)]
        halved = mf.scores.halves(of, truth="truth", response="response", measures="hit_rate", n_splits=50, rng=0)
        parts.append(halved["hit_rate"].sel(image=both["image"]))
    known = mf.scores.reliability(parts[0] - parts[1], n_bootstraps=0)
    sizes = of_both["blocks"].to_series().value_counts()
    lone = sizes[~sizes.duplicated(keep=False)]
    print(f"{sizes.size} kinds, of which {lone.size} with {lone.sum()} rocks have no other of their size")
    print(f"{gain.size} rocks; reliability of the difference of hit rates {known['reliability'].item():.2f}")
    print(f"ρ of hit rates in both experiments: {spearmanr(*both.to_dataframe().to_numpy().T).statistic:.2f}")

# %%
drawn = (
    {"own": ("own", {}, column)}
    if not named
    else {
        "Rocks, among all": ("rocks", {"score": "hit rate"}, "hit rate"),
        "Rocks, inside kinds": ("inside kinds", {"score": "hit rate"}, "hit rate"),
        "Outdoor photographs, among all": ("outdoor", {}, "hit rate"),
        "Rocks, change of context": ("context", {}, "change of hit rate"),
    }
)
again = {}
if named:
    drawn_by = {"rocks": whole["blocks"], "inside kinds": within["blocks"], "context": of_both["blocks"]}
    again = {name: f"bootstrap over {len(np.unique(of))} kinds, 95 %" for name, of in drawn_by.items()}
    again["inside kinds"] = again["inside kinds"].replace("over", "over the rocks of each of")
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(
        len(drawn), 1, figsize=(180 / 25.4, 55 * len(drawn) / 25.4), squeeze=False, layout="constrained"
    )
    for ax, (title, (name, where, score)) in zip(panels[:, 0], drawn.items(), strict=True):
        said = found[name].sel(where)
        family = f"max-statistic over {int((said['kind'] == 'measure').sum())} layers"
        family += f" and {found[name].sizes['score']} scores" if "score" in where else ""
        said = said.assign_attrs(correction=f"p_corrected: {family}")
        if name in again:
            said = said.assign_attrs(interval=again[name])
        mf.plot.layer_profile(said, ax=ax, label=f"{title}:\nSpearman ρ with\n{score}")
mf.plot.save(figure, figures / "16_context", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## Do features of a network say more than GIST?
#
# They do if their correlation with the scores is the larger one, in the same samples.

# %%
for name, of in among_all.items():
    judged = of[[last]].sel(image=scores[name]["image"])
    beside = {"GIST": of_gist[name]["gist"].sel(image=scores[name]["image"])}
    kept = {key: value for key, value in options[name].items() if key != "reliability"}
    more = mf.measures.contrast(judged, scores[name], baselines=beside, against="GIST", **kept, **bootstrap)
    found[f"{name} over GIST"] = more
assert all(found[f"{name} over GIST"].sizes["contrast"] == 1 for name in sets)

# %% [markdown]
# ## The answer

# %%
assert all(((of["p_corrected"] >= of["p"]) & (of["p_corrected"] <= 1)).all() for of in found.values())
for name, of in found.items():
    of = of.squeeze()
    for score in np.atleast_1d(of["score"].values) if "score" in of.coords else [""]:
        one = of.sel(score=score) if "score" in of.dims else of
        if "layer" in one.dims:
            own = one.sel(layer=one["kind"] == "measure")
            most = own.isel(layer=int(np.abs(own["estimate"]).argmax("layer")))
            rows = {"strongest in " + most["layer"].item(): most, "last block": one.sel(layer=last)}
            rows |= {"GIST": one.sel(layer="GIST")} if "GIST" in one["layer"] else {}
        else:
            rows = {"": one}
        for row, value in rows.items():
            title = ", ".join(word for word in (name, str(score), row) if word)
            print(f"{title}: {told(value)}, corrected p = {float(value['p_corrected']):.4f}")
for name in sets:
    judged = found[name].sel(layer=found[name]["kind"] == "measure")
    weak = judged["layer"].values[(judged["p_corrected"] >= 0.05).values.reshape(51, -1).all(axis=1)]
    print(f"{name}: {len(weak)} of 51 layers pass for no score" + (f": {', '.join(weak)}" if len(weak) < 10 else ""))
    if named and not few:
        assert len(weak) == 51 if name == "rocks" else list(weak) == ["features.layer1.1", "features.layer1.2"]

# %% [markdown]
# **Outdoor photographs that are unlike the others are remembered better**, in all layers but two early ones, and most
# in the last block (ρ = .395 [.335, .450]), and that block says more than GIST (.124; less by .271 [.185, .353]). Both
# are as recalled from the paper. But the network was made to predict memorability, so that what is unlike the others in
# its last block may be what it has learnt to be memorable.
#
# **Of rocks this is not seen.** Among all 480, none of 51 layers passes (the strongest correlation with hit rates is
# .10). Inside of kinds the sign is the other one: a rock that is unlike the others of its kind is recognised **less**
# often (−.25 [−.37, −.13] in layer3.35), and less often taken for known when it is new (−.30 [−.42, −.18] in layer2.6).
# These two layers are the strongest of 51, which flatters them, and **the last block does not pass** (−.13, corrected p
# = .44, and −.08, p = .93). Where it shows, such a rock is called old less often, seen or not, as *What does a layer
# say about one image …?* found for typical rocks, which are called old more often. The paper's scenes are of categories
# that everybody knows. Here are ten components for 16 rocks, and categories that participants did not know. That more
# diverse kinds (by their entropy) are remembered better is not seen either, with 30 kinds: in the last block ρ is −.15
# [−.53, .26].
#
# **The context effect is not found with rocks, and not tested with scenes.** Of 51 layers none passes, with 100 rocks
# (the strongest is .30 [.08, .50], corrected p = .61, and the strongest of 51 must be large). For p, 93 of the 100 can
# change places. The difference of hit rates has a reliability of .52, so a moderate effect could have been missed; and
# the two experiments differed in more than context.
#
# Of the scenes, what could be tested holds: **the same photographs are remembered by other people in another
# experiment** (ρ = .66), and inside of categories no less (.65), because categories make up little of the variance: .12
# and .08 as they stand, of which about .03 would be there if photographs had been put into categories at random, 30 in
# each.

# %%
if named and not few:
    # the prose above was written from these outputs: this keeps the two together
    limits = ["estimate", "ci_low", "ci_high"]
    hits, misled = (found["inside kinds"].sel(score=score) for score in ("hit rate", "false-alarm rate"))
    prose = {
        "outdoor": (found["outdoor"].sel(layer=last)[limits], [0.395, 0.335, 0.450]),
        "outdoor, GIST": (found["outdoor"]["estimate"].sel(layer=["GIST"]), [0.124]),
        "outdoor over GIST": (found["outdoor over GIST"].squeeze()[limits], [0.271, 0.185, 0.353]),
        "rocks": (np.abs(found["rocks"]["estimate"].sel(score="hit rate")).max(keepdims=True), [0.10]),
        "hits": (hits.sel(layer="features.layer3.35")[limits], [-0.25, -0.37, -0.13]),
        "false alarms": (misled.sel(layer="features.layer2.6")[limits], [-0.30, -0.42, -0.18]),
        "last block": (found["inside kinds"]["estimate"].sel(layer=last), [-0.13, -0.08]),
        "its p": (found["inside kinds"]["p_corrected"].sel(layer=last), [0.44, 0.93]),
        "entropy": (found["entropy"].sel(layer=last, score="hit rate")[limits], [-0.15, -0.53, 0.26]),
        "context": (
            found["context"].sel(layer="features.layer4.1")[[*limits, "p_corrected"]],
            [0.30, 0.08, 0.50, 0.61],
        ),
        "reliability": ([known["reliability"].item()], [0.52]),
        "scenes": ([found[f"scenes {name}"]["estimate"] for name in pairs], [0.66, 0.65]),
        "categories": (list(between.values()), [0.12, 0.08]),
        "categories at random": ([(len(means) - 1) / (len(rates) - 1)], [0.03]),
    }
    for name, (ours, said) in prose.items():
        values = ours.to_array() if isinstance(ours, xr.Dataset) else ours
        assert [round(float(one), 3 if "outdoor" in name else 2) for one in values] == said, name
    assert (sizes.size, sizes.sum() - lone.sum(), gain.size) == (22, 93, 100)
    strongest = [str(of["layer"].values[int(np.abs(of["estimate"]).argmax())]) for of in (hits, misled)]
    assert strongest == ["features.layer3.35", "features.layer2.6"]
    assert found["scenes inside categories"]["ci_low"] > 0
    assert (found["outdoor"]["p_corrected"].sel(layer=[last, "GIST"]) < 0.05).all()
    assert found["outdoor over GIST"]["ci_low"].item() > 0
    assert (found["rocks"]["p_corrected"] > 0.05).all()
    passed = found["inside kinds"].where(found["inside kinds"]["p_corrected"] < 0.05)["estimate"]
    assert passed.max() < 0
    assert passed.notnull().any("layer").all()
    assert (found["entropy"]["p_corrected"] > 0.05).all()
    assert (found["context"]["p_corrected"] > 0.05).all()

# %% [markdown]
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = []
for name, of in found.items():
    what = name.replace(" ", "_")
    part = of.rename({old: f"{what}_{old}" for old in {*of.variables, *of.dims}})
    part.attrs = {f"{what}_{key}": value for key, value in of.attrs.items()}
    saved.append(part)
xr.merge(saved, combine_attrs="no_conflicts").to_netcdf(results / "16_context.nc", engine="h5netcdf")
