"""memfeat: layer features of memorability networks, and what they say about memory.

Everything a notebook needs, as `import memfeat as mf`. Submodules load on first use, so importing is quick and
changes nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
