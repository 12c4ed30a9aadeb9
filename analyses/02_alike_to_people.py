# %% [markdown]
# # Which layers find the same images alike as people do?
#
# Two questions about 51 layers of a network, on images that people have judged or remembered. Are rocks that look alike
# to people alike to the layer? And are photographs alike to the layer that people remember about equally well, or
# that they all remember well?
#
# **Data.** Neither set comes with memfeat; `mf.datasets.citation` says where each is from. `MEMFEAT_DATA` must name a
# folder that holds both:
#
# - `rocks480/`: 480 photographs of rocks, 16 of each of 30 kinds, and the places that they have in a space of eight
#   dimensions, found by multidimensional scaling of people's similarity judgements (Nosofsky et al., 2018);
# - `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with their hit rates and those of 25 random
#   halvings of the participants (Lu et al., 2020).
#
# The second question can be asked of your own photographs: set `MEMFEAT_PHOTOS` to a folder, and `MEMFEAT_SCORES` and
# `MEMFEAT_COLUMN` to a CSV with a column `image` and to its column of measured scores (`hit_rate` if you do not). If it
# has columns `half1_…` and `half2_…`, scores by two halves of the participants, there is a ceiling, too; scores alone
# do not say how reliable they are. Photographs that cannot be read or have no score are left out. `MEMFEAT_BACKBONE`
# says which weights the network has for your own: `released` if you do not set it, or `imagenet`, which were not
# retrained on memorability and are what to publish with.
#
# **Time.** A quarter of an hour on two cores, a third of it for features, which are kept for the next run. With
# `MEMFEAT_IMAGES` set to a number, only so many images of each set are used: to see that it runs, and for nothing else.
#
# **What was published.** Bainbridge, Dilks and Oliva (2017, *NeuroImage*) compared patterns of brain activity with a
# model of pairs of images by their memorability: memorable ones are alike, and forgettable ones differ each in its own
# way. Patterns in ventral visual and medial temporal regions followed it. Bainbridge and Rissman (2018, *Scientific
# Reports*) set the memorability of stimuli against the participant's own memory, and found them in regions that do not
# overlap: the one in ventral and medial temporal regions, the other in frontal and parietal ones (all from the
# abstracts). Both are about brains. What layers of a network do is asked here, and neither paper says what to expect.
# For likeness of rocks no figure is taken from the literature: people's judgements are, as their authors give them out.
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
folder, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
column, named = os.environ.get("MEMFEAT_COLUMN", "hit_rate"), folder is None
if named and not all((data / name / "images").is_dir() for name in ("rocks480", "lnsim")):
    sys.exit(
        "Set MEMFEAT_DATA to the folder that holds rocks480 and lnsim; memfeat may not ship them. Or set "
        "MEMFEAT_PHOTOS and MEMFEAT_SCORES to your own photographs and scores."
    )
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")
draws = {"n_permutations": 99 if few else 1_999, "n_bootstraps": 200 if few else 1_000, "rng": 0}

# %% [markdown]
# ## Rocks: the images and the people
#
# Images are matched by name.

# %%
if named:
    rocks, space = mf.datasets.load("rocks480"), mf.datasets.table("rocks480", "mds")
    assert mf.images.ledger(rocks).empty
    assert set(rocks["image"].values) == set(space["image"].values)
    assert (rocks.sizes["image"], space["mds"].shape[1]) == (480, 8)
    of_kind = rocks["subcategory"].to_series()
    assert set(of_kind.value_counts()) == {16}
    if few:
        rocks = rocks.sel(image=sorted(of_kind.groupby(of_kind).head(2).index[:few]))
    space, kind = space["mds"].sel(image=rocks["image"]).reset_coords(drop=True), rocks["subcategory"]
    n_rocks, n_kinds = rocks.sizes["image"], len(np.unique(kind))
    print(f"{n_rocks} photographs of {n_kinds} kinds of rock")

# %% [markdown]
# Two rocks are as unlike as they lie apart in the space of the judgements. It is one solution for all judges together:
# there are no participants to draw again, and no noise ceiling. Rocks of one kind lie closer together.

# %%
if named:
    human = mf.rdm.from_coordinates(space, layer="people")
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
# statistics to go with them, "retrained" is the released predictor as it is. For an analysis that you publish take
# `backbone="imagenet"`, which was never retrained. memfeat warns of features of the predictor; here that is meant, so
# it is said, and its results keep it.

# %%
layers, last = ["features.layer[1-4].*", "features.avgpool"], "features.layer4.2"
backbone = "released" if named else os.environ.get("MEMFEAT_BACKBONE", "released")
model = mf.models.load("resmem-frozen", backbone=backbone)
networks, seen = {"frozen": model} | ({"retrained": mf.models.load("resmem")} if named else {}), {}
if named:
    seen = {
        name: mf.extract(rocks, model=network, layers=layers, store=results / f"02_rocks480_{name}.zarr").load()
        for name, network in networks.items()
    }
    shown = "the two variants are shown side by side"
    seen["retrained"] = mf.guards.allow(seen["retrained"], "retrained", because=shown)
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
# the largest statistic of each permutation; the two networks are two tests, each corrected by itself.

# %%
rock_rdms = {name: mf.rdm.compute(features, metric="correlation") for name, features in seen.items()}
people, kinds = {}, {"blocks": kind, "permute": "whole"} if named else {}
for name, rdms in rock_rdms.items():
    result = mf.rsa.compare(rdms, human, method="spearman", **draws, **kinds)
    assert result.sizes["layer"] == 51
    people[name] = result.assign_attrs(correction="p_corrected: max-statistic over 51 layers")
    by_hand = spearmanr(
        pdist(seen[name][last].astype(float), "correlation"), pdist(space.sel(image=seen[name]["image"]))
    ).statistic
    assert np.isclose(result["estimate"].sel(layer=last), by_hand, atol=1e-6)
    assert (result["n"] == n_rocks).all()
    assert ((result["p_corrected"] >= result["p"]) & (result["p_corrected"] <= 1)).all()
    assert result.attrs["permute"] == "whole"

# %%
figure = None
if named:
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
if named:
    estimates = people["frozen"]["estimate"].drop_sel(layer="features.avgpool")
    names = [str(name) for name in estimates["layer"].values]
    best = names[int(estimates.argmax("layer"))]
    at = names.index(best)
    ends = [f"features.layer{stage}" for stage in ("1.2", "2.7", "3.35", "4.2")]
    near = names[max(at - 1, 0) : at + 2]
    others = [name for name in names if name in {*ends, *near}]
    samples = {"n_bootstraps": 200 if few else 1_999, "rng": 0}
    contrast = mf.rsa.contrast(
        rock_rdms["frozen"].sel(layer=others), human, between="layers", against=best, **samples, **kinds
    )
    gap = estimates.sel(layer=contrast["first"].values).values - float(estimates.sel(layer=best))
    assert np.allclose(contrast["estimate"], gap)
    print(f"p_corrected: over these {contrast.sizes['contrast']} contrasts")
    print(contrast.to_dataframe()[["estimate", "ci_low", "ci_high", "p_corrected"]].round(4).to_string())

# %% [markdown]
# ## Photographs: the memory of people
#
# A hit rate is the share of people who recognised a photograph. It holds no false alarms. The halvings of the
# participants say how well another sample of people would agree. Your own scores may be other ones than hit rates, and
# have no ceiling where the table has no halves.

# %%
photos = mf.datasets.load("lnsim") if named else mf.images.read(folder, scores=table)
if not named:
    usable = (photos["status"] == "ok").values & photos[column].notnull().values
    print(f"{(~usable).sum()} of {usable.size} photographs cannot be read or have no score, and are left out")
    photos = photos.isel(image=usable)
photos = photos.isel(image=slice(few or None))
assert mf.images.ledger(photos).empty
hits, n_photos, halves = photos[column], photos.sizes["image"], None
if named:
    assert n_photos == (few or 800)
    assert ((hits > 0) & (hits < 1)).all()
    halves = mf.datasets.table("lnsim", "halves")["hit_rate"].sel(image=photos["image"]).reset_coords(drop=True)
    assert np.abs(halves.mean("half") - hits).max() < 0.01
elif any(str(name).startswith("half1_") for name in photos.data_vars):
    halves = mf.scores.read_halves(table, name=column).sel(image=photos["image"]).reset_coords(drop=True)
both = [] if halves is None else list(halves.transpose("split", "half", "image").values)
print(f"{n_photos} photographs with {column}")
if both:
    agreement = np.mean([spearmanr(*split).statistic for split in both])
    print(f"Spearman ρ of the two halves' scores: {agreement:.2f}, mean of {len(both)} splits")
else:
    print("no halves of the participants: how reliable the scores are is not known, and there is no ceiling")

# %% [markdown]
# ## Photographs: three hypotheses
#
# What may memory have to do with likeness? Each hypothesis is a model RDM of the scores:
#
# - `nearest`: photographs are alike if their scores are;
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


def far_apart(values):
    """Give the differences of all pairs; those that differ by rounding only are ties."""
    found = pdist(values[:, None])
    return (found / found.max()).round(12)


own = "own_frozen" if backbone == "released" else f"own_frozen_{backbone}"
store = results / f"{'02_lnsim_frozen' if named else own}.zarr"
viewed = mf.extract(photos, model=model, layers=layers, store=store).load()
assert (len(viewed.data_vars), viewed.sizes["image"]) == (51, n_photos)
photo_rdms = mf.rdm.compute(viewed, metric="correlation")
remembered = mf.rsa.compare(photo_rdms, memory, method="spearman", **{**draws, "n_permutations": 0})
rates = hits.sel(image=viewed["image"])
by_hand = spearmanr(pdist(viewed[last].astype(float), "correlation"), far_apart(rates.values)).statistic
assert np.isclose(remembered["estimate"].sel(layer=last, hypothesis="nearest"), by_hand, atol=1e-6)
if named:
    assert "cautions" not in remembered.attrs

# %% [markdown]
# p is corrected over the 51 layers of each hypothesis by the largest statistic, and then for three hypotheses after
# Bonferroni: over 153 tests in all. The largest statistic over all of them would not do: the last two models, in which
# each photograph has a share in all its dissimilarities, agree with a layer by chance more strongly than `nearest`, and
# would set its limit.
#
# How well could a model do that knew the true scores? Each half of the participants gives a model RDM of its own;
# √(2*r* / (1 + *r*)), with *r* the mean ρ of the two halves' RDMs over the splits, approximates it. This
# ceiling has no interval here, and stands in the label of the figure's vertical axis. Without halves there is none.

# %%
tested = []
for name in hypotheses:
    reliable = {} if halves is None else {"reliability": mf.rdm.from_scores(halves, kind=name)}
    tested.append(mf.rsa.compare(photo_rdms, models[name], **{**draws, "n_bootstraps": 0}, **reliable))
known = ["p", "p_corrected", *(["noise_upper"] if both else [])]
tests = xr.concat([found[known] for found in tested], "hypothesis").assign_coords(hypothesis=hypotheses)
remembered["p"] = tests["p"]
remembered["p_corrected"] = np.minimum(len(hypotheses) * tests["p_corrected"], 1)
family = f"max-statistic over {photo_rdms.sizes['layer']} layers, times {len(hypotheses)} hypotheses"
remembered = remembered.drop_vars("p_fdr").assign_attrs(
    n_permutations=draws["n_permutations"], correction=f"p_corrected: {family}"
)
assert (photo_rdms.sizes["layer"], len(hypotheses)) == (51, 3)
assert np.allclose(remembered["estimate"], xr.concat([found["estimate"] for found in tested], "hypothesis").T)
assert (remembered["p_corrected"] >= remembered["p"]).all()
ceiling = {name: float(tests["noise_upper"].sel(hypothesis=name)) for name in hypotheses if both}
if both:
    r = np.mean([spearmanr(*(far_apart(half) for half in split)).statistic for split in both])
    assert np.isclose(ceiling["nearest"], np.sqrt(2 * r / (1 + r)), atol=1e-6)
    print("ceiling:", ", ".join(f"{name} {value:.3f}" for name, value in ceiling.items()))

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(3, 1, figsize=(180 / 25.4, 220 / 25.4), layout="constrained")
for ax, name in zip(panels, hypotheses, strict=True):
    limit = f"(ceiling {ceiling[name]:.2f})" if both else "(ceiling not known)"
    label = f"Spearman ρ with {name.replace('_', ' ')}\n{limit}"
    mf.plot.layer_profile(remembered.sel(hypothesis=name), ax=ax, label=label)
mf.plot.save(figure, figures / "02_alike_to_people_memory", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# The last two models give each photograph a share in all its dissimilarities. They agree with a layer in which the
# memorable photographs lie far from all others, and the forgettable ones in their middle. So that is asked directly:
# the rank correlation over photographs of score and mean dissimilarity from the others, in the last block.

# %%
around = mf.rdm.square(photo_rdms.sel(layer=[last]))[0]
far = around.sum("image_2").values / (n_photos - 1)
off = float(spearmanr(far, hits.sel(image=around["image_1"].values)).statistic)
print(f"{column} and mean dissimilarity from the others: Spearman ρ = {off:.2f}, n = {n_photos} photographs")

# %% [markdown]
# ## The answer

# %%
tops, passed = {}, {}
for name, result in people.items():
    blocks = result.drop_sel(layer="features.avgpool")
    top = blocks.isel(layer=int(blocks["estimate"].argmax("layer")))
    tops[name], passed[name] = top, int((blocks["p_corrected"] < 0.05).sum())
    print(
        f"Rocks, {name} network, {n_rocks} photographs, {n_kinds} kinds: highest in {top['layer'].item()}, "
        f"ρ = {top['estimate']:.3f} [{top['ci_low']:.3f}, {top['ci_high']:.3f}], "
        f"p = {top['p_corrected']:.4f}, corrected over 51 layers; first block {result['estimate'][0]:.3f}, last block "
        f"{result['estimate'].sel(layer=last):.3f}; {passed[name]} of 50 blocks have a corrected p below .05"
    )
for name in hypotheses:
    blocks = remembered.sel(hypothesis=name).drop_sel(layer="features.avgpool")
    top = blocks.isel(layer=int(np.abs(blocks["estimate"]).argmax("layer")))
    tops[name], passed[name] = top, int((blocks["p_corrected"] < 0.05).sum())
    print(
        f"Memory, {name}, {n_photos} photographs: furthest from 0 in {top['layer'].item()}, "
        f"ρ = {top['estimate']:.3f} [{top['ci_low']:.3f}, {top['ci_high']:.3f}], "
        f"p = {top['p_corrected']:.4f}, corrected over 51 layers and 3 hypotheses; "
        f"{passed[name]} of 50 blocks have a corrected p below .05" + (f"; ceiling {ceiling[name]:.2f}" if both else "")
    )

# %% [markdown]
# **With all images of the two sets, the first block of the third stage finds rocks alike most as people do**, in both
# variants (ρ = .68 [.64, .74] frozen, .67 [.63, .73] retrained), and the last block least (.44 and .48). Against the
# end of the first, third and fourth stage it does better with a corrected p below .05, which cannot be said of the end
# of the second (p = .06).
#
# **Among the outdoor photographs it is the forgettable ones that are alike.** In all blocks ρ with `both_memorable` is
# negative, with a corrected p below .05 in 46 of 50, and it is most so in the last block (−.40 [−.44, −.36], ceiling
# .93; `max_rank` .41), where the memorable ones lie far from the others (.50). That photographs with *similar* hit
# rates are alike can be said of the last block alone, and hardly there (.06 [.03, .10], ceiling .82). Whether all that
# is memory, or the kind of scene that is remembered, this does not tell: photographs that are alike share more than a
# hit rate.
#
# **This is the mirror image of what was published about brains.** There, patterns in ventral visual and medial temporal
# regions followed the model in which memorable images are alike, and forgettable ones differ each in its own way. Here,
# layers follow that model with the other sign. It does not contradict the finding: a network is no brain, outdoor
# photographs are one kind of scene, and this network was trained to predict memorability, so that it may set apart what
# is remembered. But whoever takes layers for a model of these regions should know that they differ in this.

# %%
if named and not few:
    at_last = {name: people[name]["estimate"].sel(layer=last) for name in people}
    apart_from = contrast["p_corrected"].assign_coords(contrast=contrast["first"].values)
    bounds = ("estimate", "ci_low", "ci_high")
    # these keep prose and outputs together; they say nothing about whether either is right
    told = {
        "highest, frozen": ([tops["frozen"][part] for part in bounds], "0.68 0.64 0.74"),
        "highest, retrained": ([tops["retrained"][part] for part in bounds], "0.67 0.63 0.73"),
        "last block": ([at_last["frozen"], at_last["retrained"]], "0.44 0.48"),
        "end of stage 2": ([apart_from.sel(contrast=ends[1])], "0.06"),
        "both memorable": ([tops["both_memorable"][part] for part in bounds], "-0.40 -0.44 -0.36"),
        "maximum": ([tops["max_rank"]["estimate"]], "0.41"),
        "nearest": ([tops["nearest"][part] for part in bounds], "0.06 0.03 0.10"),
        "ceilings": ([ceiling["both_memorable"], ceiling["nearest"]], "0.93 0.82"),
        "mean dissimilarity": ([off], "0.50"),
        "blocks": ([passed["both_memorable"], passed["nearest"]], "46 1"),
    }
    for name, (found, said) in told.items():
        each = zip(found, said.split(), strict=True)
        assert all(f"{float(one):.{len(text.partition('.')[2])}f}" == text for one, text in each), (name, found, said)
    first_of_third = "features.layer3.0"
    assert [tops[name]["layer"].item() for name in people] == [first_of_third] * 2
    for result in people.values():
        assert np.isclose(result["estimate"].min(), result["estimate"].sel(layer=last), atol=1e-6)
    assert ((apart_from < 0.05) & (contrast["estimate"].values < 0)).sel(contrast=[ends[0], *ends[2:]]).all()
    assert apart_from.sel(contrast=ends[1]) >= 0.05
    assert (remembered["estimate"].sel(hypothesis="both_memorable") < 0).all()
    assert {tops[name]["layer"].item() for name in hypotheses} == {last}
    assert all(tops[name]["p_corrected"] < 0.05 for name in hypotheses)

# %% [markdown]
# The extreme of 51 layers is flattered by the choice: its interval is that of one layer, not of the best. How many
# blocks pass a corrected test is no count of findings: neighbours are much alike. A ρ of RDMs is no share of what is
# remembered: a layer that holds hit rates among many other things shows little of them in its distances, and they may
# still be read out by regression.
#
# What was found, with how it was made in the attributes, is saved for later.

# %%
remembered = remembered.assign(noise_upper=tests["noise_upper"]) if both else remembered
saved = remembered.rename({name: f"memory_{name}" for name in remembered.data_vars if name != "noise_upper"})
if named:
    networks_of = pd.Index(list(people), name="network")
    judged = [result.drop_vars("n") for result in people.values()]
    alike = xr.concat(judged, networks_of, combine_attrs="drop_conflicts")
    saved = alike.rename({name: f"people_{name}" for name in alike.data_vars}).merge(saved, combine_attrs="drop")
saved.attrs = {f"people_{name}_{key}": value for name, found in people.items() for key, value in found.attrs.items()}
saved.attrs |= {f"memory_{key}": value for key, value in remembered.attrs.items()}
saved.to_netcdf(results / "02_alike_to_people.nc", engine="h5netcdf")
