"""Pictures with the spectrum of photographs, which show nothing."""

import numpy as np
from PIL import Image


def scene(seed: int, width: int = 300, height: int = 200) -> Image.Image:
    """Colours whose amplitudes fall with frequency as those of photographs do."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    frequency[0, 0] = 1
    spectra = np.fft.fft2(rng.normal(size=(3, height, width))) / frequency**1.2
    noise = np.fft.ifft2(spectra).real
    grey, colours = noise[:1], noise / 3
    values = (grey + colours) / (grey + colours).std() * 45 + 120
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8).transpose(1, 2, 0))
