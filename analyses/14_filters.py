# %% [markdown]
# # What do single channels of a network respond to, and do they tell what people remember?
#
# Channel by channel: which photographs it responds to most, a picture that is made to drive it, how much of its
# response four layers of a network share with simple statistics of the picture, and whether its response goes with hit
# rates: in all photographs, and in one half of them as in the other.
#
# **Data.** `lnsim/`: 800 outdoor photographs, drawn with a fixed seed from 2,632, with their hit rates (Lu et al.,
# 2020). It does not come with memfeat: `MEMFEAT_DATA` must name the folder that holds it, and its photographs are named
# here and not shown. Those that are shown come with scikit-image, scikit-learn and matplotlib (`pip install
# "memfeat[demo]"`). Or your own: `MEMFEAT_PHOTOS`, a folder, and `MEMFEAT_SCORES` and `MEMFEAT_COLUMN`, a CSV with
# measured scores and its column; then your photographs are shown, and those that cannot be read or have no score are
# left out. `MEMFEAT_BACKBONE` says which weights the network has for your own: `released` if you do not set it, or
# `imagenet`, which were not retrained on memorability and are what to publish with.
#
# **Time.** A quarter of an hour at the most on two cores once the features are in their stores, half of it for the
# pictures that are made; ten minutes more without. With `MEMFEAT_IMAGES` set to a number, only so many images are used:
# to see that it runs, and for nothing else.
#
# **What was published.** The analysis code of ResMem's authors maximises the activation of filters, of which they
# published about 3,800 pictures, and takes for each filter the nine images with the largest mean response. Responses
# are those of convolutions, before batch norm and ReLU; pictures begin as noise of 67 pixels, which are changed
# themselves, in 16 rounds of 36 steps, blurred and enlarged by 1.2 between rounds (all read in that code; the paper,
# Needell and Bainbridge, 2022, was not checked). They conclude that early layers are perceptual and late ones hold body
# parts and concepts (from the authors' page). That rests on looking.
#
# **What this is worth.** Responses are outputs of blocks, means over space, of the network with the released weights
# and batch statistics of ImageNet photographs: weights that were trained to predict memorability. A channel is not an
# independent test: many say the same. The four channels that are shown, one at the end of each stage, are those with
# the largest positive correlation with hit rates in these very photographs, so their correlations are too large; how
# much so is measured below. At the end of stage 1 that is all that can be said of them, as none passes there. Our
# pictures differ from the published ones: they are made for outputs of blocks, at one size, in 256 steps that change
# frequencies instead of pixels, each after a small shift, turn and change of size, which stand in for the blur. Nine
# photographs are named for each channel, as there; four are shown, of other ones that may be.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from scipy.stats import false_discovery_control, rankdata, spearmanr, zscore
from sklearn.linear_model import LinearRegression

import memfeat as mf
from memfeat import demo

home = Path(os.environ.get("MEMFEAT_ANALYSES", "analyses" if Path("analyses").is_dir() else "../analyses"))
results, figures = home / "results", home / "figures"
data, few = Path(os.environ.get("MEMFEAT_DATA", "")), int(os.environ.get("MEMFEAT_IMAGES", "0"))
folder, table = os.environ.get("MEMFEAT_PHOTOS"), os.environ.get("MEMFEAT_SCORES")
column, named = os.environ.get("MEMFEAT_COLUMN", "hit_rate"), folder is None
if named and not (data / "lnsim" / "images").is_dir():
    sys.exit("Set MEMFEAT_DATA to the folder that holds lnsim, or MEMFEAT_PHOTOS and MEMFEAT_SCORES to your own data.")
if not named and table is None:
    sys.exit("Set MEMFEAT_SCORES to a CSV with measured scores of your photographs, and its column image.")

# %%
photos = mf.datasets.load("lnsim") if named else mf.images.read(folder, scores=table)
if not named:
    usable = (photos["status"] == "ok").values & photos[column].notnull().values
    print(f"{(~usable).sum()} of {usable.size} photographs cannot be read or have no score, and are left out")
    photos = photos.isel(image=usable)
photos = photos.isel(image=slice(few or None))
assert mf.images.ledger(photos).empty
hits, n = photos[column], photos.sizes["image"]
if named and not few:
    assert n == 800

# %% [markdown]
# The network, and the same one untrained.

# %%
backbone = "released" if named else os.environ.get("MEMFEAT_BACKBONE", "released")
frozen = "own_frozen" if backbone == "released" else f"own_frozen_{backbone}"
model = mf.models.load("resmem-frozen", backbone=backbone)
layers = [f"features.layer{stage}.{block}" for stage, size in enumerate((3, 8, 36, 3), 1) for block in range(size)]
features = {}
for name, store in {"trained": "02_lnsim_frozen", "untrained": "03_lnsim_random"}.items():
    own = frozen if name == "trained" else "own_random"
    store = results / f"{store if named else own}.zarr"
    network = model if name == "trained" else mf.models.load("resmem-frozen", backbone="random", rng=0)
    # with the layer that other notebooks ask for, so that all are computed in one pass
    found = mf.extract(photos, model=network, layers=[*layers, "features.avgpool"], store=store)
    features[name] = found[layers].reset_coords(drop=True).load()
ends = [f"features.layer{block}" for block in ("1.2", "2.7", "3.35", "4.2")]
sizes = [features["trained"].sizes[f"{layer}:channel"] for layer in ends]
assert sizes == [256, 512, 1024, 2048]

# %% [markdown]
# ## How much is what the picture is like?
#
# "Perceptual" can mean that a channel follows simple properties of the picture. Nine of them, luminance to aspect
# ratio, against each channel of all 50 blocks: the share of a channel's variance, in ranks, that the nine explain
# together (R², adjusted for nine predictors). Where photographs are your own, a statistic that is the same for all (as
# the aspect ratio often is), or that one of them does not have, is left out.

# %%
statistics = mf.lowlevel.statistics(photos).reset_coords(drop=True)
constant = [name for name, one in statistics.data_vars.items() if one.isnull().any() or one.min() == one.max()]
statistics = statistics.drop_vars(constant)
if constant:
    print(f"left out: {', '.join(constant)}")
simple = [str(name) for name in statistics.data_vars]
n_simple = len(simple)
if named:
    assert n_simple == 9
ranks = {name: rankdata(one.sel(image=photos["image"]).values) for name, one in statistics.data_vars.items()}
basis = np.linalg.qr(np.column_stack([np.ones(n), *ranks.values()]))[0]


def ranked(values):
    """Give z-scored ranks of each channel (image, channel); NaN for one that does not vary."""
    varies = np.ptp(values, axis=0) > 0
    found = np.full(values.shape, np.nan)
    found[:, varies] = zscore(rankdata(values[:, varies], axis=0), axis=0)
    return found


quantiles = (0.25, 0.5, 0.75)
responses, shares = {}, {}
for name, known in features.items():
    for layer in layers:
        values = known[layer].transpose("image", ...).values.astype(float)
        explained = ((basis.T @ ranked(values)) ** 2).sum(axis=0) / n
        shares[name, layer] = np.nanquantile(1 - (1 - explained) * (n - 1) / (n - n_simple - 1), quantiles)
        if layer in ends:
            responses[name, layer] = values
simply = xr.DataArray(
    np.reshape(list(shares.values()), (2, len(layers), 3)),
    {"network": list(features), "layer": layers, "quantile": list(quantiles)},
    ["network", "layer", "quantile"],
)
one, columns = ranked(responses["trained", ends[0]])[:, 0], np.column_stack(list(ranks.values()))
assert np.isclose(((basis.T @ one) ** 2).sum() / n, LinearRegression().fit(columns, one).score(columns, one))
assert (simply.max() <= 1).item()
for layer in ends:
    print(f"{layer.removeprefix('features.')}: adjusted R² of channels, quartiles and median")
    print(simply.sel(layer=layer).to_pandas().round(2).to_string())

# %% [markdown]
# ## Channel by channel: hit rates
#
# Spearman's ρ of each channel's response with hit rates in the last block of each stage, and the same with the nine
# statistics taken out of the ranks of both. p of the former from permutations of photographs, the same for all
# channels; the false discovery rate within a layer is held at 5 % (Benjamini and Hochberg).

# %%
scores = zscore(rankdata(hits.values))
index, exact = mf.stats.permutations(n, 99 if few else 9_999, rng=np.random.default_rng(0))
left = zscore(scores - basis @ (basis.T @ scores))
related = {}
for (name, layer), values in responses.items():
    one = ranked(values)
    alive = np.flatnonzero(np.isfinite(one[0]))
    one = one[:, alive]
    rho, null = scores @ one / n, one.T @ scores[index].T / n
    p = mf.stats.p_value(rho, null, exact=exact)
    residuals = zscore(one - basis @ (basis.T @ one), axis=0)
    columns = {"rho": rho, "given": left @ residuals / n, "p": p, "p_fdr": mf.stats.fdr(p)}
    related[name, layer] = xr.Dataset({key: ("channel", value) for key, value in columns.items()}, {"channel": alive})
    passed = int((related[name, layer]["p_fdr"] < 0.05).sum())
    print(
        f"{name}, {layer.removeprefix('features.')}: {passed} of {len(alive)} channels pass; ρ from "
        f"{rho.min():+.2f} to {rho.max():+.2f}, median |ρ| {np.median(np.abs(rho)):.3f}, given the statistics "
        f"{np.median(np.abs(columns['given'])):.3f}"
    )
    assert np.allclose(related[name, layer]["p_fdr"], false_discovery_control(p))
    assert ((p > 0) & (p <= 1)).all()

# %% [markdown]
# Three channels of the last block once more, by the function that is made for layers.

# %%
some = features["trained"][ends[-1]][{f"{ends[-1]}:channel": [0, 1, 2]}].rename({f"{ends[-1]}:channel": "layer"})
some = some.assign_coords(layer=["0", "1", "2"])
same = mf.measures.profile(some, hits, n_permutations=len(index), n_bootstraps=0, rng=0)
mine = related["trained", ends[-1]].sel(channel=[0, 1, 2])
assert np.allclose(same["estimate"], mine["rho"])
assert np.allclose(same["p"], mine["p"], atol=0.011 if few else 2e-4)
same = mf.measures.profile(some, hits, covariates=statistics, n_permutations=0, n_bootstraps=0)
assert np.allclose(same["estimate"], mine["given"])

# %% [markdown]
# ## In one half of the photographs as in the other?
#
# Photographs are halved at random, 25 times. Over channels, ρ in one half is correlated with ρ in the other; and the
# ten channels with the largest |ρ| in one half are looked up in the other, where nothing was chosen.

# %%
rng = np.random.default_rng(0)
halvings = [np.split(rng.permutation(n), [n // 2]) for _ in range(3 if few else 25)]
agreement = {}
for key, values in responses.items():
    found = []
    for halves in halvings:
        both = [zscore(rankdata(hits.values[half])) @ ranked(values[half]) / len(half) for half in halves]
        # a channel may be silent in one half, where it has no correlation
        alive = np.flatnonzero(np.isfinite(both).all(axis=0))
        first, second = np.array(both)[:, alive]
        best = np.argsort(-np.abs(first))[:10]
        looked_up = (np.sign(first[best]) * second[best]).mean()
        found.append((np.corrcoef(first, second)[0, 1], np.abs(first[best]).mean(), looked_up))
    agreement[key] = np.mean(found, axis=0)
    r, there, elsewhere = agreement[key]
    print(
        f"{key[0]}, {key[1].removeprefix('features.')}: r over channels {r:+.2f}; the ten strongest of one half: mean "
        f"|ρ| {there:.3f} there, and {elsewhere:+.3f} in the other"
    )
    by_hand = spearmanr(values[halves[1]][:, alive[best[0]]], hits.values[halves[1]]).statistic
    assert np.isclose(second[best[0]], by_hand)

# %%
with plt.rc_context(mf.plot.STYLE):
    figure, panels = plt.subplots(2, 2, figsize=(180 / 25.4, 145 / 25.4), layout="constrained")
    colours = {"trained": "#0072B2", "untrained": "#D55E00"}
    for name in features:
        low, middle, high = simply.sel(network=name).transpose("quantile", "layer").values
        panels[0, 0].plot(middle, color=colours[name], label=name)
        panels[0, 0].fill_between(range(len(layers)), low, high, color=colours[name], alpha=0.2, linewidth=0)
    short = [layer.removeprefix("features.layer") for layer in ends]
    ticks = [2, 10, 28, 49]
    panels[0, 0].set_xticks(ticks, [layers[place].removeprefix("features.layer") for place in ticks])
    panels[0, 0].set(
        xlabel="Block (line: median channel; band: middle half)",
        ylabel=f"Explained by {n_simple} statistics, adjusted R²",
    )
    panels[0, 0].legend(frameon=False)
    for step, name in enumerate(features):
        estimates = [related[name, layer]["rho"].values for layer in ends]
        places = np.arange(len(ends)) + 0.4 * step - 0.2
        drawn = panels[0, 1].violinplot(estimates, places, widths=0.35, showmedians=True, showextrema=False)
        drawn["cmedians"].set_color(colours[name])
        for body in drawn["bodies"]:
            body.set(facecolor=colours[name], alpha=0.3)
        panels[0, 1].fill_between([], [], color=colours[name], alpha=0.3, label=name)
        _, there, elsewhere = np.transpose([agreement[name, layer] for layer in ends])
        style = {"color": colours[name], "markersize": 4}
        panels[1, 1].plot(range(4), there, "o--", markerfacecolor="white", label=f"{name}, where chosen", **style)
        panels[1, 1].plot(range(4), elsewhere, "o-", label=f"{name}, in the other half", **style)
    panels[0, 1].axhline(0, color="0.6", linewidth=0.7, linestyle="--")
    through = [[int((related[name, layer]["p_fdr"] < 0.05).sum()) for name in features] for layer in ends]
    said = [
        f"{block}\n{own} | {other}\nof {related['trained', layer].sizes['channel']}"
        for block, layer, (own, other) in zip(short, ends, through, strict=True)
    ]
    panels[0, 1].set_xticks(range(4), said)
    panels[0, 1].set(
        xlabel="Block, and how many channels pass, trained | untrained\n(false discovery rate 5 %; line: median)",
        ylabel="Channel and scores, Spearman ρ",
    )
    panels[0, 1].legend(frameon=False)
    one = related["trained", ends[-1]]
    panels[1, 0].plot(one["rho"], one["given"], ".", color=colours["trained"], alpha=0.3, rasterized=True)
    panels[1, 0].axline((0, 0), slope=1, color="0.6", linewidth=0.7, linestyle="--")
    panels[1, 0].set(xlabel=f"ρ of channels in {short[-1]} with scores", ylabel=f"ρ given {n_simple} statistics")
    panels[1, 1].axhline(0, color="0.6", linewidth=0.7, linestyle="--")
    panels[1, 1].set_xticks(range(4), short)
    panels[1, 1].set(xlabel="Block", ylabel="Ten strongest channels of one half\nof the photographs, mean |ρ|")
    panels[1, 1].legend(frameon=False)
    figure.supxlabel(f"n = {n} images; no interval: channels are not a sample; {len(halvings)} halvings", fontsize=7)
mf.plot.save(figure, figures / "14_filters", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## Four channels: their photographs
#
# Of the last block of each stage the channel with the largest positive ρ, and the nine photographs of the set that it
# responds to most and least. Whether the channel passes is said beside it: where none does, one has to be the largest.

# %%
chosen, fields, ranking = {}, {}, {}
for layer in ends[: 1 if few else None]:
    strongest = related["trained", layer].isel(channel=int(related["trained", layer]["rho"].argmax("channel")))
    chosen[layer] = unit = int(strongest["channel"])
    ranking[layer] = top = mf.attribution.top_images(features["trained"], unit, layer=layer, k=min(9, n))
    field = mf.attribution.receptive_field(model, layer).isel(axis=0)
    fields[layer] = int(field["size"])
    seen = f"{fields[layer]} of" if field["size"] < field["pixels"] else "all of"
    print(
        f"{layer.removeprefix('features.')}, channel {unit}, ρ = {strongest['rho']:+.2f}, which "
        f"{'passes' if strongest['p_fdr'] < 0.05 else 'does not pass'} (p_fdr = {strongest['p_fdr']:.4f}); a place "
        f"sees {seen} {int(field['pixels'])} pixels"
    )
    for end in ("most", "least"):
        print(f"    {end}: {', '.join(top['name'].sel(unit=unit, end=end).values)}")
    assert np.isclose(top["value"].sel(end="most", rank=1).item(), responses["trained", layer][:, unit].max())
    assert set(top["name"].values.ravel()) <= set(photos["image"].values)

# %% [markdown]
# The size of what a place sees, by hand for the first: 7 pixels by the first convolution in steps of 2, 11 by the
# pooling after it in steps of 4, and 2 × 4 more by the 3 × 3 convolution in each of three blocks: 35.

# %%
assert fields[ends[0]] == 7 + 2 * 2 + 3 * 2 * 4

# %% [markdown]
# ## Four channels: what each sees, and what drives it
#
# Photographs that may be shown, cut to what the strongest place of the channel sees, beside a picture that was made for
# the channel. How far such pictures are from photographs: what they reach against the strongest response to any
# photograph of the set.

# %%
if named:
    credit = demo.collect(results / "photographs")
    credit = credit[credit["licence"] != "terms not stated"]
    print(credit[["image", "credit", "licence"]].to_string(index=False))
    shown = mf.images.read(results / "photographs").sel(image=sorted(credit["image"])[: 4 if few else None])
else:
    tops = [mf.attribution.top_images(features["trained"], unit, layer=layer, k=4) for layer, unit in chosen.items()]
    shown = photos.sel(image=sorted({name for top in tops for name in top["name"].sel(end="most").values.ravel()}))
maps = mf.extract(shown, model=model, layers=list(chosen), reduce="none")
effort = {"steps": 2, "size": 64} if few else {"steps": 256}
made, cuts, best = {}, {}, {}
for layer, unit in chosen.items():
    top = mf.attribution.top_images(maps, unit, layer=layer, k=4)
    cuts[layer] = mf.attribution.crops(top, shown, model=model).sel(end="most").isel(unit=0)
    made[layer] = mf.attribution.maximise(model, (layer, [unit]), rng=0, **effort)
    best[layer] = responses["trained", layer][:, unit].max()
    print(
        f"{layer.removeprefix('features.')}, channel {unit}: {made[layer]['reached'].item():.2f} after "
        f"{effort['steps']} steps; the strongest of {n} photographs {best[layer]:.2f}"
    )
    assert ((made[layer]["picture"] >= 0) & (made[layer]["picture"] <= 1)).all()

# %%
with plt.rc_context(mf.plot.STYLE):
    size = (180 / 25.4, 42 / 25.4 * len(chosen))
    figure, panels = plt.subplots(
        len(chosen), 2, figsize=size, width_ratios=[1, 4], squeeze=False, layout="constrained", dpi=90
    )
    for (left, right), (layer, unit) in zip(panels, chosen.items(), strict=True):
        reached = f"{layer.removeprefix('features.layer')}, {unit}: {made[layer]['reached'].item():.2f}"
        mf.plot.image_grid(made[layer]["picture"], captions=[reached], ax=left)
        seen = zip(cuts[layer]["name"].values, cuts[layer]["value"].values, strict=True)
        captions = [f"{Path(name).stem} {value:.2f}" for name, value in seen]
        mf.plot.image_grid(cuts[layer], captions=captions, columns=4, ax=right)
    figure.supxlabel(
        f"Left: made for the channel, and its mean response. Right: of {shown.sizes['image']} photographs that may be "
        "shown the four with the strongest\nresponse at any place; what that place sees, and how it responds",
        fontsize=7,
    )
mf.plot.save(figure, figures / "14_filters_pictures", formats=["svg"])
plt.close(figure)
figure

# %% [markdown]
# ## The answer
#
# **The later the layer, the less do simple properties of the picture explain**: .44 of the variance of the median
# channel at the end of stage 1, .28, .09 and .06 at the end of the others; untrained, the network keeps .54 to .56
# throughout. In this sense early layers are perceptual and late ones are not, and it is training that makes them so.
# That late ones hold *concepts* does not follow: what nine statistics leave over may be anything, and nobody has said
# what these photographs show. Pictures that are made for a channel do not settle it either: they are far outside of
# what photographs do (more than ten times the largest response, 1.5, in the last block).
#
# **Which channels go with hit rates is a matter of late layers.** The ten channels that go with hit rates most in one
# half of the photographs, looked up in the other half, have a mean ρ of .044 at the end of stage 1, .130 and .242 after
# that, and .349 in the last block; untrained, .051 at most. In the last block the nine statistics take nothing away
# (median |ρ| of all channels .185, given them .192). How many channels pass is printed above, and is no count of
# findings: many channels say the same. And the weights were trained to predict memorability.
#
# **It pays to look a channel up in other photographs.** In the half in which the ten were chosen, their mean |ρ| is
# .138 at the end of stage 1, and .405 in the last block: an early channel that was chosen for its correlation shows
# mostly chance. Agreement over channels alone is not enough (.76 in the last block, and .58 in that of the untrained
# network, where no channel passes), as channels that share one weak relation agree, too.

# %%
if named and not few:
    medians = {name: simply.sel(network=name, quantile=0.5, layer=ends).values for name in features}
    r, there, elsewhere = np.moveaxis(np.reshape(list(agreement.values()), (2, 4, 3)), -1, 0)
    late = related["trained", ends[-1]]
    # these keep prose and outputs together; they say nothing about whether either is right
    told = {
        "R² of nine, by stage": (medians["trained"], "0.44 0.28 0.09 0.06"),
        "R² of nine, untrained": ([medians["untrained"].min(), medians["untrained"].max()], "0.54 0.56"),
        "photographs": ([responses["trained", ends[-1]][:, chosen[ends[-1]]].max()], "1.5"),
        "looked up, by stage": (elsewhere[0], "0.044 0.130 0.242 0.349"),
        "looked up, untrained": ([elsewhere[1].max()], "0.051"),
        "median |ρ|, plain and given": ([np.abs(late[one]).median().item() for one in ("rho", "given")], "0.185 0.192"),
        "where they were chosen": (there[0, [0, 3]], "0.138 0.405"),
        "over channels": (r[:, 3], "0.76 0.58"),
    }
    for name, (found, said) in told.items():
        each = zip(found, said.split(), strict=True)
        assert all(f"{one:.{len(text.partition('.')[2])}f}" == text for one, text in each), (name, found, said)
    # what 256 steps reach differs with the number of threads
    assert made[ends[-1]]["reached"].item() > 10 * best[ends[-1]]
    assert all((related["untrained", layer]["p_fdr"] >= 0.05).all() for layer in ends)
    assert (related["trained", ends[0]]["p_fdr"] >= 0.05).all()

# %%
summary = xr.Dataset(
    {"low_level_r2": simply, "halves": (("network", "end", "what"), np.reshape(list(agreement.values()), (2, 4, 3)))},
    {"end": ends, "what": ["r over channels", "mean |ρ| of the ten strongest", "the same in the other half"]},
    {
        "n": n,
        "scores": column,
        "low_level": f"adjusted R² of ranks of each channel on ranks of {n_simple} statistics, quantiles over channels",
        "halves": f"mean of {len(halvings)} random halvings of the photographs, seed 0",
        "n_permutations": len(index),
        "correction": "p_fdr: Benjamini-Hochberg over the channels of a layer",
        "chosen": [f"{layer} {unit}" for layer, unit in chosen.items()],
        "made_steps": effort["steps"],
    },
)
parts = [summary]
for layer, top in ranking.items():
    kept = made[layer].rename(unit=f"{layer}:channel")[["picture", "reached"]]
    kept = kept.assign(top[["name", "value"]].rename(unit=f"{layer}:channel", end="extreme"))
    parts.append(kept.rename({old: f"chosen_{layer.removeprefix('features.')}_{old}" for old in kept.data_vars}))
for (name, layer), found in related.items():
    prefix = f"{name}_{layer.removeprefix('features.')}"
    parts.append(found.rename({old: f"{prefix}_{old}" for old in found.variables}))
xr.merge(parts, combine_attrs="override").to_netcdf(results / "14_filters.nc", engine="h5netcdf")
