# %% [markdown]
# # Where in a network do memorable photographs look alike?
#
# The whole road once, from a folder of photographs to a figure: predicted memorability, features of 50 layers, how
# alike the photographs are in each, and whether that goes with memorability.
#
# **Data.** About twenty photographs that scikit-image, scikit-learn and matplotlib bring along and that may be shown,
# or your own: set `MEMFEAT_PHOTOS` to a folder, and `MEMFEAT_SCORES` and `MEMFEAT_COLUMN` to a CSV with measured scores
# and its column.
#
# **Time.** About a minute on two cores.
#
# **What was published.** That memorable images are alike, and forgettable ones differ each in its own way, is a model
# of Bainbridge, Dilks and Oliva (2017, *NeuroImage*): patterns in ventral visual and medial temporal regions of the
# brain followed it (from the abstract). The same model is held against layers of a network here. The other notebooks
# lay their answers beside what was published; this one has too few photographs for that.
#
# **What this is worth.** With the photographs that come along, nothing but an illustration: they are far too few and
# were not sampled from anything, and no human memory was measured: the scores are predictions, and the features come
# from a trunk with the weights of the network that predicted them. With your own photographs, measured scores and
# `backbone="imagenet"` (below) it is an analysis.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import memfeat as mf
from memfeat import demo

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
photos, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
column = os.environ.get("MEMFEAT_COLUMN", "hit_rate")
results = home / "results"

# %% [markdown]
# ## The photographs
#
# Each is named by its path in the folder. That name holds everything together from here on: no step relies on order.
# Of those that come along, the ones whose terms are not stated are left out.

# %%
shipped = photos is None
if shipped:
    photos = results / "photographs"
    credit = demo.collect(photos)
    credit = credit[credit["licence"] != "terms not stated"]
    print(credit[["image", "credit", "licence"]].to_string(index=False))
images = mf.images.read(photos, scores=table)
if shipped:
    images = images.sel(image=sorted(credit["image"]))
n = images.sizes["image"]
assert len(set(images["image"].values)) == n

# %% [markdown]
# A photograph that cannot be read stays in the table, with the reason. There should be none here.

# %%
ledger = mf.images.ledger(images)
print(f"{n} photographs, {len(ledger)} unreadable")
assert ledger.empty

# %% [markdown]
# ## How memorable are they?
#
# ResMem was trained to predict the share of people who would recognise each photograph. On four sets of others its
# values are off by .12 to .16 (root mean square, from the MSE in *How well does ResMem predict an image set?*): take
# them for an order. And that order was tested on scenes. Handwriting (.91) and tissue under a microscope (.87) are
# among the first here, and whether people would remember those better than a rocket nobody has asked. Nor do
# predictions go below about .41: at or below the floor (.42) the order of photographs means little.

# %%
memory = mf.predict(images)
assert memory["memorability"].sizes == {"image": n}
assert ((memory["memorability"] > 0) & (memory["memorability"] < 1)).all()
assert (memory["at_floor"] == (memory["memorability"] <= memory.attrs["floor"])).all()
ranked = memory["memorability"].to_series().sort_values(ascending=False).round(2)
print(ranked.to_string())
if shipped:
    assert (ranked["coffee.png"], ranked["chelsea.png"], ranked["rocket.jpg"]) == (0.88, 0.84, 0.64)
    assert (ranked["text.png"], ranked["ihc.png"]) == (0.91, 0.87)
    assert {"text.png", "ihc.png"} <= set(ranked.index[:8])

# %%
ax = mf.plot.scores(memory)

# %% [markdown]
# From here on, `scores` are those you measured. Without any, the predictions stand in for them.

# %%
scores = memory["memorability"] if table is None else images[column]
assert scores.notnull().all()

# %% [markdown]
# ## What does the network see?
#
# Features of a network that was trained on memorability may know the scores from the start. `backbone="released"`,
# used here because it needs no download, is such a network: its trunk has the weights of the retrained one, with batch
# statistics re-estimated for normalised images. It still names ImageNet objects, but it has seen memorability. For an
# analysis that you publish use `backbone="imagenet"`, which was not retrained. The mean over space leaves one number
# per channel.
#
# Where predictions stand in for scores, memfeat would warn that features and scores come from the same weights. Here
# that is meant, so it is said, and every result keeps it.

# %%
model = mf.models.load("resmem-frozen", backbone="released")
layers = "features.layer[1-4].*"
features = mf.extract(images, model=model, layers=layers, store=results / "01_main_road.zarr").load()
if table is None:
    features = mf.guards.allow(features, "circular", because="an illustration, predictions stand in for scores")
assert len(features.data_vars) == 50
assert features["features.layer4.2"].sizes == {"image": n, "features.layer4.2:channel": 2048}

# %% [markdown]
# ## Which photographs are alike?
#
# Two photographs are as unlike as their features are uncorrelated. In the last block, sorted from the least to the
# most memorable:

# %%
rdms = mf.rdm.compute(features, metric="correlation")
assert rdms["rdm"].sizes == {"layer": 50, "pair": n * (n - 1) // 2}
ax = mf.plot.rdm(rdms, layer="features.layer4.2", order=scores)

# %% [markdown]
# The same block in two dimensions, with the photographs themselves. Those that are most alike to the layer cover one
# another:

# %%
space = mf.reduction.embed(features["features.layer4.2"], "pca", n_components=2)
ax = mf.plot.embedding(space, thumbnails=mf.images.thumbnails(images), scores=scores)

# %% [markdown]
# ## Are memorable photographs alike?
#
# A model RDM says so: two memorable photographs are close, two forgettable ones are far apart. Its rank correlation
# with the RDM of each layer is tested by exchanging photographs, and corrected for the 50 layers with the largest
# statistic of each permutation.

# %%
memorable = mf.rdm.from_scores(scores, kind="both_memorable")
compared = mf.rsa.compare(rdms, memorable, method="spearman", n_permutations=9_999, rng=0)
by_hand = spearmanr(pdist(features["features.layer4.2"].astype(float), "correlation"), memorable["rdm"][0]).statistic
assert np.isclose(compared["estimate"].sel(layer="features.layer4.2"), by_hand, atol=1e-6)
assert ((compared["p_corrected"] >= compared["p"]) & (compared["p_corrected"] <= 1)).all()
assert (compared["n"] == n).all()
assert compared.attrs.get("cautions") == ("circular" if table is None else None)

# %% [markdown]
# ## Can the score be read out?
#
# Ridge regression predicts the score of photographs it has not seen. The penalty is chosen inside each training set.
# Correlations pooled over folds lie below zero when there is nothing to find, so p is to be looked at, and not the
# distance from zero.

# %%
decoded = mf.regression.decode(features, scores, n_permutations=999, rng=0)
predicted = decoded["prediction"].sel(layer="features.layer4.2", image=scores["image"])
assert np.isclose(decoded["estimate"].sel(layer="features.layer4.2"), spearmanr(predicted, scores).statistic)
assert ((decoded["p"] > 0) & (decoded["p"] <= 1)).all()

# %% [markdown]
# ## The answer
#
# Both questions for every layer. A filled marker is a layer that passes after correction.

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, (above, below) = plt.subplots(2, 1, figsize=(180 / 25.4, 140 / 25.4), layout="constrained")
mf.plot.layer_profile(compared, ax=above, label="RSA, Spearman ρ")
mf.plot.layer_profile(decoded, ax=below, label="Decoding, Spearman ρ")
mf.plot.save(figure, home / "figures" / "01_main_road", formats=["svg"])

# %%
for name, result in {"RSA": compared, "decoding": decoded}.items():
    passed = result["layer"].values[result["p_corrected"] < 0.05]
    smallest = float(result["p_corrected"].min())
    print(f"{name}: n = {n}, {len(passed)} of 50 layers pass; smallest corrected p = {smallest:.3f}")
    if shipped:
        assert len(passed) == 0

# %% [markdown]
# Neighbouring layers are much alike: the number of layers that pass is no measure of anything, and one that passes
# beside one that does not is no difference between the two.
#
# What was found, with how it was made in the attributes, is saved for later.

# %%
saved = compared.drop_vars("n").rename({name: f"rsa_{name}" for name in compared.data_vars if name != "n"})
saved = saved.merge(decoded.rename({name: f"decoding_{name}" for name in compared.data_vars if name != "n"}))
saved.attrs = {f"rsa_{key}": value for key, value in compared.attrs.items()}
saved.attrs |= {f"decoding_{key}": value for key, value in decoded.attrs.items()}
saved = saved.assign(scores=scores.reset_coords(drop=True))
saved.to_netcdf(results / "01_main_road.nc", engine="h5netcdf")
