"""What networks respond to: the images of a unit, pictures made for it, and what a score depends on in an image."""

from memfeat.attribution.attributing import AttributionOptions, attribute
from memfeat.attribution.cropping import crops
from memfeat.attribution.fields import receptive_field
from memfeat.attribution.maximising import MaximiseOptions, maximise
from memfeat.attribution.ranking import top_images

__all__ = [
    "AttributionOptions",
    "MaximiseOptions",
    "attribute",
    "crops",
    "maximise",
    "receptive_field",
    "top_images",
]
