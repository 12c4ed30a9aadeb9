"""Readers of the sets, each of the layout in which it is given out."""

from collections.abc import Mapping
from types import MappingProxyType

from memfeat.datasets.readers import figrim, golden, isola, lnsim, memcat, reconmem, rim, rocks, things
from memfeat.datasets.readers.reader import Reader

__all__ = ["READERS"]

#: name of a set -> how it is read
READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "lnsim": lnsim.READER,
        "rocks480": rocks.READER,
        "figrim": figrim.READER,
        "memcat": memcat.READER,
        "isola_attributes": isola.READER,
        "reconmem_isola": reconmem.READER,
        "rim2025": rim.READER,
        "things_concepts": things.READER,
        "resmem_golden": golden.READER,
    }
)
