"""A report of photographs, written and opened in a browser; harness.py says the form."""

import shutil
import statistics
from pathlib import Path

import numpy as np

#: What somebody does with the page -> the script that does it.
ACTIONS = {
    "sorted": "sort.value = ''; sort.dispatchEvent(new Event('change'))",
    "searched": "search.value = '7'; search.dispatchEvent(new Event('input'))",
    "turned over": "document.querySelector('#clear').click(); document.querySelector('#next').click()",
    "selected": "document.querySelector('.tile').click()",
}
#: Milliseconds from an action to the frame in which its effect is drawn.
TIMED = """async () => {{
  const [sort, search] = ['#sort', '#search'].map((one) => document.querySelector(one));
  const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await drawn();
  const begun = performance.now();
  {action};
  await drawn();
  return performance.now() - begun;
}}"""
N_LOADS = 5


def memfeat(work, output):
    """Write the report of photographs, some under several names; numbers stand in for predictions."""
    import xarray as xr

    import memfeat as mf
    from memfeat import report

    folder, photos = Path(output) / "photos", sorted(Path(work["photos"]).iterdir())
    folder.mkdir()
    for k in range(work["n"]):
        (folder / f"{k:05}{photos[k % len(photos)].suffix}").symlink_to(photos[k % len(photos)])
    images = mf.images.read(folder, verify=False, progress=False)
    rng = np.random.default_rng(0)
    n = images.sizes["image"]
    images["memorability"] = "image", rng.beta(8, 3, n)
    images["place"] = "image", rng.choice(["coast", "city", "forest"], n).astype(object)
    values = rng.normal(size=(n, 2_048)).astype(np.float32)
    values[:, 0] += 40 * images["memorability"].values
    parts = {"early": values[:, :512], "late": values}
    layers = [mf.features.from_array(part, images.image.values, layer=name) for name, part in parts.items()]
    features = xr.merge(layers, combine_attrs="override")
    file = Path(output) / "report.html"
    yield
    report.write(images, features, file, by="place", progress=False)
    yield
    return {}, {"images": n, "megabytes": round(file.stat().st_size / 1e6, 1)} | _opened(file)


def _opened(file):
    """Open the page several times, and use it: medians, in seconds."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    loads, times = [], {name: [] for name in ACTIONS}
    with sync_playwright() as started:
        window = started.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for _ in range(N_LOADS):
            page = window.new_page()
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            loads.append(page.evaluate("performance.getEntriesByType('navigation')[0].duration") / 1e3)
            for name, action in ACTIONS.items():
                times[name].append(page.evaluate(TIMED.format(action=action)) / 1e3)
            page.close()
        window.close()
    middle = {f"{name} in s": round(statistics.median(values), 3) for name, values in times.items()}
    return {"opened in s": round(statistics.median(loads), 2), "slowest opening in s": round(max(loads), 2)} | middle
