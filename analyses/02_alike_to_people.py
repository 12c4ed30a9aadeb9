# %% [markdown]
# # Which layers find the same images alike as people do?
#
# Two questions about 51 layers of a network, on images that people have judged or remembered. Are rocks that look alike
# to people alike to the layer? And are photographs alike to the layer that people remember about equally well, or
# that they all remember well?
#
# **Data.** Neither set comes with memfeat; their authors give them out. `MEMFEAT_DATA` must name a folder that holds
# both:
#
# - `rocks480/`: 480 photographs of rocks, 16 of each of 30 kinds, and the places that they have in a space of eight
#   dimensions, found by multidimensional scaling of people's similarity judgements (Nosofsky et al., 2018);
# - `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with their hit rates and those of 25 random
#   halvings of the participants (Lu et al., 2020).
#
# **Time.** An hour on two cores, half of it for features, which are kept for the next run. With `MEMFEAT_IMAGES` set to
# a number, only so many images of each set are used: enough to see that it runs, and for nothing else.
#
# **What was published.** Bainbridge, Dilks and Oliva (2017, *NeuroImage*) compared patterns of brain activity with a
# model of pairs of images by their memorability: memorable ones are alike, and forgettable ones differ each in its own
# way. Patterns in ventral visual and medial temporal regions followed it. Bainbridge and Rissman (2018, *Scientific
# Reports*) set the memorability of stimuli against the participant's own memory, and found them in regions that do not
# overlap: the one in ventral and medial temporal regions, the other in frontal and parietal ones (all from the
# abstracts). Both are about brains. What layers of a network do is asked here, and neither paper says what to expect.
#
# **What this is worth.** Intervals and p-values are about images: other kinds of rock, other outdoor photographs, and
# this one network. Its weights were trained to predict memorability, on photographs of other sets: what it says about
# memory it may have learnt there. Intervals are expanded percentiles of bootstrap samples, 95 %; how often such
# intervals hold the truth is measured in the documentation, "How it was validated".

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import memfeat as mf

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
if not all((data / name / "images").is_dir() for name in ("rocks480", "lnsim")):
    sys.exit("Set MEMFEAT_DATA to the folder that holds the image sets rocks480 and lnsim; memfeat may not ship them.")

# %% [markdown]
# ## Rocks: the images and the people
#
# Images are named by their file. The tables call them `.png` where the files are `.jpg`: that is mended in one place,
# and from then on everything is matched by name.

# %%
about = pd.read_csv(data / "rocks480" / "info" / "Rocks480_general.csv")
about["image"] = about["filename"].str.replace(".png", ".jpg", regex=False)
solution = pd.read_csv(data / "rocks480" / "info" / "Rocks480_MDS8_solution.csv")
space = about[["image_id", "image"]].merge(solution, on="image_id", validate="1:1").drop(columns="image_id")
rocks = mf.images.read(data / "rocks480" / "images", scores=about[["image", "category", "sub_category"]])
assert mf.images.ledger(rocks).empty
assert set(rocks["image"].values) == set(space["image"])
assert (rocks.sizes["image"], space.shape[1] - 1) == (480, 8)
assert set(rocks["sub_category"].to_series().value_counts()) == {16}
if few:
    chosen = about.loc[about["sub_cat_item"] <= 2, "image"][:few]
    rocks, space = rocks.sel(image=sorted(chosen)), space[space["image"].isin(chosen)]
n_rocks, kind = rocks.sizes["image"], rocks["sub_category"]
n_kinds = len(np.unique(kind))
print(f"{n_rocks} photographs of {n_kinds} kinds of rock")

# %% [markdown]
# Two rocks are as unlike as they lie apart in the space of the judgements. It is one solution for all judges together:
# there are no participants to draw again, and no noise ceiling. Rocks of one kind lie closer together.

# %%
human = mf.rdm.from_coordinates(space, column="image", metric="euclidean", layer="people")
same_kind = mf.rdm.from_categories(kind)["rdm"][0].values == 0
apart = mf.rdm.select(human, kind["image"].values)["rdm"][0].values
assert apart[same_kind].mean() < apart[~same_kind].mean()
ratio = apart[same_kind].mean() / apart[~same_kind].mean()
print(f"mean distance of rocks of one kind, as a share of that of others: {ratio:.2f}")

# %% [markdown]
# ## Rocks: the layers
#
# The 50 blocks of a ResNet-152 and the average after them, each as one number per channel, its mean over space. After
# this reduction the average pooling has nothing left to do: it must equal the last block. Two variants have the
# same weights, those that were retrained on memorability: "frozen" gets normalised photographs and has batch
# statistics to go with them, "retrained" is the released predictor as it is. For an analysis that you publish add
# `backbone="imagenet"`, which was never retrained. memfeat warns of features of the predictor; here that is meant, so
# it is said, and its results keep it.

# %%
networks = {
    "frozen": mf.models.load("resmem-frozen", backbone="released"),
    "retrained": mf.models.load("resmem"),
}
layers = ["features.layer[1-4].*", "features.avgpool"]
seen = {
    name: mf.extract(rocks, model=model, layers=layers, store=results / f"02_rocks480_{name}.zarr").load()
    for name, model in networks.items()
}
shown = "the two variants are shown side by side"
seen["retrained"] = mf.guards.allow(seen["retrained"], "retrained", because=shown)
last = "features.layer4.2"
for features in seen.values():
    assert len(features.data_vars) == 51
    assert features.sizes["image"] == n_rocks
    assert np.allclose(features[last], features["features.avgpool"], rtol=1e-4, atol=1e-5)

# %% [markdown]
# Two rocks are as unlike to a layer as their features are uncorrelated over channels. Each layer's RDM is compared with
# that of people by Spearman's rank correlation over pairs of rocks.
#
# The rocks come in kinds, and a kind is what both people and layers see first. So whole kinds are drawn again for the
# interval, and whole kinds change places for p: it asks whether it matters which kind is which. Drawing rocks one by
# one would treat 16 granites as 16 independent witnesses. `p_corrected` is corrected over the 51 layers of a network by
# the largest statistic of each permutation.

# %%
rock_rdms = {name: mf.rdm.compute(features, metric="correlation") for name, features in seen.items()}
kinds = {"blocks": kind, "permute": "whole"}
people = {
    name: mf.rsa.compare(rdms, human, method="spearman", n_permutations=1_999, n_bootstraps=1_000, rng=0, **kinds)
    for name, rdms in rock_rdms.items()
}
ordered = space.set_index("image").loc[seen["frozen"]["image"].values]
by_hand = spearmanr(pdist(seen["frozen"][last].astype(float), "correlation"), pdist(ordered)).statistic
assert np.isclose(people["frozen"]["estimate"].sel(layer=last), by_hand, atol=1e-6)
for result in people.values():
    assert (result["n"] == n_rocks).all()
    assert ((result["p_corrected"] >= result["p"]) & (result["p_corrected"] <= 1)).all()
    assert result.attrs["permute"] == "whole"

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 1, figsize=(180 / 25.4, 150 / 25.4), sharey=True, layout="constrained")
for ax, (name, result) in zip(panels, people.items(), strict=True):
    said = result.assign_attrs(interval=f"bootstrap over {n_kinds} kinds, 95 %")
    mf.plot.layer_profile(said, ax=ax, label=f"{name.capitalize()}: Spearman ρ with people")
mf.plot.save(figure, figures / "02_alike_to_people", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# The bands of neighbouring layers overlap, and that says nothing about their difference, which is taken in the same
# samples. The layer with the highest estimate is set against its neighbours and against the last block of each
# stage of the frozen network; p is corrected over these contrasts by the largest deviation of any of them in the same
# samples. The layer was chosen on the same rocks, which flatters it: that it does better than its neighbours is
# expected by chance, a small corrected p beside a distant layer is not.

# %%
estimates = people["frozen"]["estimate"].drop_sel(layer="features.avgpool")
names = [str(name) for name in estimates["layer"].values]
best = names[int(estimates.argmax("layer"))]
at = names.index(best)
ends = [f"features.layer{stage}" for stage in ("1.2", "2.7", "3.35", "4.2")]
near = names[max(at - 1, 0) : at + 2]
others = [name for name in names if name in {*ends, *near}]
contrast = mf.rsa.contrast(
    rock_rdms["frozen"].sel(layer=others), human, between="layers", against=best, n_bootstraps=1_999, rng=0, **kinds
)
gap = estimates.sel(layer=contrast["first"].values).values - float(estimates.sel(layer=best))
assert np.allclose(contrast["estimate"], gap)
print(contrast.to_dataframe()[["estimate", "ci_low", "ci_high", "p_corrected"]].round(4).to_string())

# %% [markdown]
# ## Photographs: the memory of people
#
# A hit rate is the share of people who recognised a photograph. It holds no false alarms. The halvings of the
# participants say how well another sample of people would agree.

# %%
photos = mf.images.read(data / "lnsim" / "images", scores=data / "lnsim" / "scores.csv")
assert mf.images.ledger(photos).empty
assert photos.sizes["image"] == 800
photos = photos.isel(image=slice(few or None))
hits, n_photos = photos["hit_rate"], photos.sizes["image"]
assert ((hits > 0) & (hits < 1)).all()
splits = [f"split{number:02}" for number in range(1, 26)]
each = [xr.concat([photos[f"half{half}_{split}"] for split in splits], "split") for half in (1, 2)]
halves = xr.concat(each, "half").assign_coords(half=[1, 2], split=splits)
assert np.abs(halves.mean("half") - hits).max() < 0.01
agreement = [spearmanr(*split).statistic for split in halves.transpose("split", "half", "image").values]
print(f"{n_photos} photographs; Spearman ρ of the two halves' hit rates: {np.mean(agreement):.2f}, mean of 25 splits")

# %% [markdown]
# ## Photographs: three hypotheses
#
# What may memory have to do with likeness? Each hypothesis is a model RDM of the hit rates:
#
# - `nearest`: photographs are alike if their hit rates are;
# - `both_memorable`: they are alike if both are remembered, and each forgettable one is forgettable in its own way. Its
#   mirror image, "both forgettable", has the same ρ with the other sign: a negative one speaks for it;
# - `max_rank`: they are alike if both are forgettable, and the more memorable of the two decides.

# %%
hypotheses = ["nearest", "both_memorable", "max_rank"]
models = {name: mf.rdm.from_scores(hits, kind=name) for name in hypotheses}
memory = xr.concat([models[name].isel(layer=0, drop=True) for name in hypotheses], "hypothesis")
memory = memory.assign_coords(hypothesis=hypotheses)
mirror = mf.rdm.from_scores(hits, kind="both_forgettable")["rdm"][0]
assert np.allclose(models["both_memorable"]["rdm"][0] + mirror, 1)

# %% [markdown]
# No groups are known among these photographs, so the unit is the photograph: photographs are drawn again for intervals,
# in the same samples for all three hypotheses, and change places for p.

# %%
viewed = mf.extract(photos, model=networks["frozen"], layers=layers, store=results / "02_lnsim_frozen.zarr").load()
assert viewed.sizes["image"] == n_photos
photo_rdms = mf.rdm.compute(viewed, metric="correlation")
remembered = mf.rsa.compare(photo_rdms, memory, method="spearman", n_permutations=0, n_bootstraps=1_000, rng=0)
rates = hits.sel(image=viewed["image"])
by_hand = spearmanr(pdist(viewed[last].astype(float), "correlation"), pdist(rates.values[:, None])).statistic
assert np.isclose(remembered["estimate"].sel(layer=last, hypothesis="nearest"), by_hand, atol=1e-6)
assert "cautions" not in remembered.attrs

# %% [markdown]
# p is corrected over the 51 layers of each hypothesis by the largest statistic, and then for three hypotheses after
# Bonferroni. The largest statistic over all of them would not do: the last two models, in which each photograph has a
# share in all its dissimilarities, agree with a layer by chance more strongly than `nearest`, and would set its limit.
#
# How well could a model do that knew the true hit rates? Each half of the participants gives a model RDM of its own;
# √(2*r* / (1 + *r*)), with *r* the mean ρ of the two halves' RDMs over 25 splits, approximates it. This
# ceiling has no interval here, and stands in the label of the figure's vertical axis.

# %%
tested = [
    mf.rsa.compare(
        photo_rdms,
        models[name],
        n_permutations=1_999,
        n_bootstraps=0,
        rng=0,
        reliability=mf.rdm.from_scores(halves, kind=name),
    )
    for name in hypotheses
]
tests = xr.concat([found[["p", "p_corrected", "noise_upper"]] for found in tested], "hypothesis")
ceiling = tests.assign_coords(hypothesis=hypotheses)["noise_upper"]
remembered["p"] = tests["p"]
remembered["p_corrected"] = np.minimum(len(hypotheses) * tests["p_corrected"], 1)
remembered = remembered.drop_vars("p_fdr").assign_attrs(
    n_permutations=1_999, correction="p_corrected: max-statistic over 51 layers, times 3 hypotheses"
)
assert np.allclose(remembered["estimate"], xr.concat([found["estimate"] for found in tested], "hypothesis").T)
assert (remembered["p_corrected"] >= remembered["p"]).all()
r = np.mean(
    [
        spearmanr(*(pdist(half[:, None]) for half in split)).statistic
        for split in halves.transpose("split", "half", "image").values
    ]
)
assert np.isclose(ceiling.sel(hypothesis="nearest"), np.sqrt(2 * r / (1 + r)), atol=1e-6)
print(ceiling.to_series().round(3).to_string())

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(3, 1, figsize=(180 / 25.4, 220 / 25.4), layout="constrained")
for ax, name in zip(panels, hypotheses, strict=True):
    label = f"Spearman ρ with {name}\n(ceiling {ceiling.sel(hypothesis=name):.2f})"
    mf.plot.layer_profile(remembered.sel(hypothesis=name), ax=ax, label=label)
mf.plot.save(figure, figures / "02_alike_to_people_memory", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# The last two models give each photograph a share in all its dissimilarities. They agree with a layer in which the
# memorable photographs lie far from all others, and the forgettable ones in their middle. So that is asked directly:
# the rank correlation over photographs of hit rate and mean dissimilarity from the others, in the last block.

# %%
around = mf.rdm.square(photo_rdms.sel(layer=[last]))[0]
far = around.sum("image_2").values / (n_photos - 1)
off = float(spearmanr(far, hits.sel(image=around["image_1"].values)).statistic)
print(f"hit rate and mean dissimilarity from the others: Spearman ρ = {off:.2f}, n = {n_photos} photographs")

# %% [markdown]
# ## The answer

# %%
tops = {}
for name, result in people.items():
    blocks = result.drop_sel(layer="features.avgpool")
    top = blocks.isel(layer=int(blocks["estimate"].argmax("layer")))
    tops[name] = top["layer"].item()
    print(
        f"Rocks, {name} network, {n_rocks} photographs, {n_kinds} kinds: highest in {tops[name]}, "
        f"ρ = {top['estimate']:.3f} [{top['ci_low']:.3f}, {top['ci_high']:.3f}], "
        f"corrected p = {top['p_corrected']:.4f}; "
        f"first block {result['estimate'][0]:.3f}, last block {result['estimate'].sel(layer=last):.3f}"
    )
for name in hypotheses:
    blocks = remembered.sel(hypothesis=name).drop_sel(layer="features.avgpool")
    top = blocks.isel(layer=int(np.abs(blocks["estimate"]).argmax("layer")))
    tops[name] = top["layer"].item()
    print(
        f"Memory, {name}, {n_photos} photographs: furthest from 0 in {tops[name]}, "
        f"ρ = {top['estimate']:.3f} [{top['ci_low']:.3f}, {top['ci_high']:.3f}], "
        f"corrected p = {top['p_corrected']:.4f}; ceiling {ceiling.sel(hypothesis=name):.2f}"
    )

# %% [markdown]
# With all images: in both variants, the first block of the third stage finds rocks alike most as people do, and the
# last block least. Among the outdoor photographs it is the forgettable ones that are alike, most so in the last block,
# where memorable ones lie far from the others. Whether that is memory, or the kind of scene that is remembered, this
# does not tell: photographs that are alike share more than a hit rate.
#
# **This is the mirror image of what was published about brains.** There, patterns in ventral visual and medial temporal
# regions followed the model in which memorable images are alike, and forgettable ones differ each in its own way. Here,
# layers follow that model with the other sign. It does not contradict the finding: a network is no brain, outdoor
# photographs are one kind of scene, and this network was trained to predict memorability, so that it may set apart what
# is remembered. But whoever takes layers for a model of these regions should know that they differ in this.

# %%
if few == 0:
    assert (tops["frozen"], tops["retrained"]) == ("features.layer3.0", "features.layer3.0")
    for result in people.values():
        assert np.isclose(result["estimate"].min(), result["estimate"].sel(layer=last), atol=1e-6)
    assert (remembered["estimate"].sel(hypothesis="both_memorable") < 0).all()
    assert (tops["both_memorable"], tops["max_rank"]) == (last, last)
    assert off > 0.4

# %% [markdown]
# The extreme of 51 layers is flattered by the choice: its interval is that of one layer, not of the best. Which layers
# pass the corrected test is to be read from the figures, not counted: neighbours are much alike. A ρ of RDMs is no
# share of what is remembered: a layer that holds hit rates among many other things shows little of them in its
# distances, and they may still be read out by regression.
#
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = xr.concat(
    [result.drop_vars("n") for result in people.values()],
    pd.Index(list(people), name="network"),
    combine_attrs="drop_conflicts",
)
saved = saved.rename({name: f"people_{name}" for name in saved.data_vars})
memory_named = {name: f"memory_{name}" for name in remembered.data_vars}
remembered = remembered.assign(noise_upper=ceiling)
saved = saved.merge(remembered.rename(memory_named), combine_attrs="drop")
saved.attrs = {f"people_{name}_{key}": value for name, found in people.items() for key, value in found.attrs.items()}
saved.attrs |= {f"memory_{key}": value for key, value in remembered.attrs.items()}
saved.to_netcdf(results / "02_alike_to_people.nc", engine="h5netcdf")
