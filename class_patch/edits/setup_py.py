"""setup.py: a local version, and rebuild when the shim changes."""
from ..anchors import Edit
from ..source import PATCH_VERSION

EDITS = (
    Edit(
        reason="local version",
        anchor='VERSION = line.split()[-1][2:-1]+".0"',
        where="after",
        text=f'+"+cosmicnet.{PATCH_VERSION}"',
    ),
    Edit(
        reason="dependencies of the extension",
        anchor='depends=["libclass.a","python/cclassy.pxd"',
        where="after",
        text=',"python/cosmicnet_shim.pxi","python/cosmicnet_options.pxi",'
             '"python/cosmicnet_later_modules.pxi","include/cosmicnet_class.h",'
             '"include/cosmicnet_without_gil.h","include/cosmicnet_memory.h"',
    ),
)
