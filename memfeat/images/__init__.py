"""Images: from folders, lists, tables or memory to one table, and from there to upright RGB."""

from memfeat.images.clips import by_clip
from memfeat.images.decoding import decode, decode_file
from memfeat.images.opening import UnreadableImage
from memfeat.images.reading import read
from memfeat.images.transforming import TransformOptions, transform
from memfeat.images.views import ledger, thumbnails

__all__ = [
    "TransformOptions",
    "UnreadableImage",
    "by_clip",
    "decode",
    "decode_file",
    "ledger",
    "read",
    "thumbnails",
    "transform",
]
