"""The build: a local version; compile and install our files."""
from ..anchors import Edit, of_part
from ..source import PATCH_VERSION

SETUP = (
    Edit(
        reason="local version",
        anchor='VERSION = line.split()[-1][2:-1]+".0"',
        where="after",
        text=f'+"+cosmicnet.{PATCH_VERSION}"',
    ),
    Edit(
        reason="where our headers are",
        anchor="include_dirs=[np.get_include(), include_folder,",
        where="after",
        text=' os.path.join(root_folder, "external"),',
    ),
    Edit(
        reason="dependencies of the extension",
        anchor='depends=["libclass.a","python/cclassy.pxd"',
        where="after",
        text=',*(os.path.join("external","cosmicnet","shim",name)'
             ' for name in os.listdir(os.path.join("external","cosmicnet","shim")))',
    ),
)

MAKEFILE = (
    Edit(
        reason="compile our files",
        anchor="%.o:  %.c .base $(HEADERFILES)\n",
        where="before",
        text="""\
# cosmicnet: the fast modules
COSMICNET = $(wildcard external/cosmicnet/fast/*/*.cpp external/cosmicnet/fast/*/*/*.cpp)
vpath %.cpp $(sort $(dir $(COSMICNET)))
INCLUDES += -I../external
EXTERNAL += $(notdir $(COSMICNET:.cpp=.opp))
HEADERFILES += $(wildcard ./external/cosmicnet/*/*.h ./external/cosmicnet/fast/*/*.h ./external/cosmicnet/fast/*/*/*.h)

%.opp:  %.cpp .base $(HEADERFILES)
\tcd $(WRKDIR);$(CPP) $(OPTFLAG) $(OMPFLAG) $(CCFLAG) $(INCLUDES) -c ../$< -o $*.opp

""",
    ),
)

# Before 3.3 the setup.py of classy is in python/, and builds an extension of that name.
OLD_SETUP = (
    Edit(
        reason="local version",
        anchor="VERSION = line.split()[-1][2:-1]\n",
        where="instead",
        text=f'VERSION = line.split()[-1][2:-1]+"+cosmicnet.{PATCH_VERSION}"\n',
    ),
    Edit(
        reason="where our headers are",
        anchor="include_dirs=[nm.get_include(), include_folder,",
        where="after",
        text=' os.path.join(root_folder, "external"),',
    ),
)

EDITS: dict[str, tuple[Edit, ...]] = {"setup.py": SETUP, "Makefile": of_part("fast", MAKEFILE)}
OLD_EDITS: dict[str, tuple[Edit, ...]] = {"python/setup.py": OLD_SETUP}
