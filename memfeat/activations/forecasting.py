"""What a run will take, before it is begun: images, bytes on disk, time."""

import time
from datetime import timedelta

import torch

from memfeat.activations.capture import evaluating
from memfeat.activations.job import Job

__all__ = ["bytes_in_words", "seconds_per_image", "sentence"]


def seconds_per_image(job: Job) -> float:
    """Measure one image's way through the network.

    Parameters
    ----------
    job : Job
        What the extraction is about.

    Returns
    -------
    float
        Seconds; a batch takes less per image where the device computes images side by side.
    """
    with evaluating(job.model.module, job.options.device) as module, torch.inference_mode():
        image = job.model.example().to(job.options.device)
        begun = time.perf_counter()
        module(image)
        if job.options.device.type == "cuda":
            torch.cuda.synchronize(job.options.device)
        return time.perf_counter() - begun


def sentence(n_images: int, needed: float, free: float, seconds: float | None) -> str:
    """Put a forecast in words.

    Parameters
    ----------
    n_images : int
        Images that are to be computed.
    needed, free : float
        Bytes to be written, and bytes free.
    seconds : float or None
        Expected time, if it is known.

    Returns
    -------
    str
        One sentence.
    """
    takes = "" if seconds is None else f", about {timedelta(seconds=round(seconds))} at the speed of a single image"
    return (
        f"{n_images:,} images: {bytes_in_words(needed)} to write before compression, {bytes_in_words(free)} free{takes}"
    )


def bytes_in_words(n_bytes: float) -> str:
    """Say how much that is.

    Parameters
    ----------
    n_bytes : float
        Bytes.

    Returns
    -------
    str
        With its unit.
    """
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"
