"""The report that docs/report.md links to: photographs of the demo in the public domain, predicted for real."""

import tempfile
from pathlib import Path

from gallery import FREE

import memfeat as mf
from memfeat.demo import collect

LAYERS = ["features.layer1.2", "features.layer2.7", "features.layer3.35", "features.layer4.2"]
WHY = "a demonstration: predictions stand in for scores, and no human memory was measured"


def write(file: Path) -> None:
    """Write the report, if it is not there already: predicting takes a minute."""
    if file.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        credit = collect(Path(folder)).set_index("image")
        free = credit[credit["licence"].isin(FREE)]
        images = mf.images.read(folder, progress=False).sel(image=list(free.index))
        columns = {name: ("image", free[name].to_numpy(object)) for name in ("shows", "credit", "licence")}
        images = images.assign(columns)
        model = mf.models.load("resmem-frozen", backbone="released")
        features = mf.extract(images, model=model, layers=LAYERS, progress=False)
        features = mf.guards.allow(features, "circular", because=WHY)
        title = f"{images.sizes['image']} photographs in the public domain"
        mf.report.write(images, features, file, title=title, progress=False)
