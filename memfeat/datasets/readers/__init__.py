"""Readers of the sets, each of the layout in which it is given out.

Where a folder holds the same scores as a table (CSV) and in a file of MATLAB or Excel, all of them read the table.
"""

from collections.abc import Mapping
from types import MappingProxyType

from memfeat.datasets.readers import (
    faces,
    figrim,
    golden,
    isola,
    lamem,
    lnsim,
    massvis,
    memcat,
    memento,
    objects,
    reconmem,
    rim,
    rocks,
    scenes,
    things,
    vischema,
)
from memfeat.datasets.readers.reader import Reader

__all__ = ["READERS"]

#: name of a set -> how it is read
READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "lamem": lamem.READER,
        "memcat": memcat.READER,
        "isola": scenes.READER,
        "isola_attributes": isola.READER,
        "reconmem_isola": reconmem.READER,
        "figrim": figrim.READER,
        "lnsim": lnsim.READER,
        "rocks480": rocks.READER,
        "vischema": vischema.READER,
        "rim2025": rim.READER,
        "things": objects.READER,
        "things_concepts": things.READER,
        "faces10k": faces.READER,
        "massvis": massvis.READER,
        "memento10k": memento.READER,
        "resmem_golden": golden.READER,
    }
)
