"""Ways to correlate the scores of random halves of participants, of memfeat and by a loop; harness.py says their form.

All deal the same participants into the same halves.
"""

import numpy as np

MEASURES = ["hit_rate", "false_alarm_rate", "corrected_recognition", "d_prime"]
#: How many splits the loop does, out of all.
FIRST = 10


def rig(work):
    """Trials of both versions of the first experiment."""
    import pandas as pd

    trials = pd.read_csv(work["trials"], low_memory=False)
    return trials.loc[trials["exp"] == "Exp1", ["participant", "image", "target", "old"]].reset_index(drop=True)


def memfeat(work, output):
    from memfeat import scores

    trials = rig(work)
    options = {"truth": "target", "response": "old", "measures": MEASURES, "n_bootstraps": work.get("bootstraps", 0)}
    scores.split_half(trials[:20_000], n_splits=4, **options | {"n_bootstraps": 0, "measures": "hit_rate"})
    yield
    found = scores.split_half(trials, n_splits=work["splits"], rng=0, **options)
    yield
    told = {"trials": len(trials), "estimate": [round(float(r), 3) for r in found["estimate"]]}
    return {"correlations": found["correlation"].values[:, :FIRST]}, told


def pandas_loop(work, output):
    import pandas as pd
    from scipy.stats import norm

    from memfeat.scores import halving

    trials = rig(work)
    people = sorted(trials["participant"].unique(), key=str)
    dealt = halving.splits(len(people), work["splits"], np.random.default_rng(0))[:FIRST]

    def scored(some):
        cells = some.groupby(["image", "target"])["old"].agg(["sum", "count"]).unstack()
        rate, smooth = cells["sum"] / cells["count"], (cells["sum"] + 0.5) / (cells["count"] + 1)
        d_prime = norm.ppf(smooth[1]) - norm.ppf(smooth[0])
        columns = {"hit_rate": rate[1], "false_alarm_rate": rate[0], "corrected_recognition": rate[1] - rate[0]}
        return pd.DataFrame(columns | {"d_prime": d_prime}).round(12)

    yield
    rows = []
    for split in dealt:
        half = trials["participant"].map(dict(zip(people, split, strict=True)))
        first, second = (scored(trials[half == k]) for k in (0, 1))
        rows.append([first[name].corr(second[name], method="spearman") for name in MEASURES])
    yield
    return {"correlations": np.array(rows).T}, {}
