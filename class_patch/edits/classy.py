"""classy: connect the shim to the class Class; call the long modules without Python's global lock."""
from ..anchors import Edit

LONG_MODULES = ("perturbations", "fourier", "transfer", "harmonic", "lensing")

DECLARATIONS = (
    Edit(
        reason="declare which background was taken",
        anchor="    cdef struct background:\n",
        where="after",
        text="        short background_is_fast\n",
    ),
    Edit(
        reason="declare the provider in struct perturbations",
        anchor="        double *** sources\n        double * tau_sampling\n",
        where="before",
        text="""\
        int (*source_provider)(void *, precision *, background *,
                               thermodynamics *, perturbations *) noexcept
        void * source_provider_data
        short scalars_provided
        short tensors_are_fast
        double * recorded_theta_b
        double * recorded_phi_prime
        int * k_size_cmb
""",
    ),
    Edit(
        reason="declare which HMcode was taken",
        anchor="    cdef struct fourier:\n",
        where="after",
        text="        short non_linear_is_fast\n        void (*free_without_feedback)(void *) noexcept\n        void * without_feedback\n        void * kept_without_feedback\n",
    ),
    Edit(
        reason="declare the fields of the line of sight and of the kept transfer functions",
        anchor="    cdef struct transfer:\n",
        where="after",
        text="""\
        short line_of_sight_is_fast
        double ** transfer
        double ** kept_transfer
""",
    ),
    Edit(
        reason="declare the kind of primordial spectrum", part="later",
        anchor="    cdef struct primordial:\n",
        where="after",
        text="        int primordial_spec_type\n",
    ),
    *(Edit(
        reason=f"{module}_init without Python's global lock",
        anchor=f"    int {module}_init(",
        where="instead",
        text=f'    int {module}_init "cosmicnet_{module}_init"(',
    ) for module in LONG_MODULES),
    Edit(
        reason="the scale of non-linearity where there is one", part="refusals",
        anchor="    int fourier_k_nl_at_z(",
        where="instead",
        text='    int fourier_k_nl_at_z "cosmicnet_k_nl_at_z"(',
    ),
)

_ATTRIBUTES = """\
    cdef object _provider   # cosmicnet: set by set_source_provider(); None: the options decide
    cdef object _connection # cosmicnet: the _SourceConnection of the last compute(), or None
    # cosmicnet: parameters of the last compute(), as given and as CLASS read them; None if it did not finish
    cdef object _computed_from
    cdef unsigned long _computing # cosmicnet: the thread that is within compute(), or 0
    # cosmicnet: whether struct_cleanup() kept results for the next compute(), and of which modules
    cdef bint _is_laid_aside
    cdef object _laid_aside
"""

_TELL_INTEGRATED = "            _tell_integrated(self) # cosmicnet\n"

WRAPPER = (
    Edit(
        reason="include our own",
        anchor="cdef class Class:\n",
        where="before",
        text="""\
include "../external/cosmicnet/shim/provider.pxi"
include "../external/cosmicnet/shim/options.pxi"
include "../external/cosmicnet/shim/amplitude.pxi"


""",
    ),
    Edit(
        reason="declare the refusals", part="refusals",
        anchor="cdef class Class:\n",
        where="before",
        text="""\
cdef extern from "cosmicnet/shim/refusals.h":
    pass


""",
    ),
    Edit(
        reason="include the code that keeps the first modules", part="later",
        anchor="cdef class Class:\n",
        where="before",
        text="""\
include "../external/cosmicnet/shim/later_modules.pxi"


""",
    ),
    Edit(
        reason="include the library", part="library",
        anchor="cdef class Class:\n",
        where="before",
        text="""\
include "../external/cosmicnet/shim/from_arrays.pxi"


""",
    ),
    Edit(
        reason="include the tables from networks", part="sources",
        anchor="cdef class Class:\n",
        where="before",
        text="""\
include "../external/cosmicnet/shim/network_sources.pxi"


""",
    ),
    Edit(
        reason="attributes of Class",
        anchor="    cdef object ncp   #",
        where="before",
        or_else=Edit(reason="the same in 3.2.0", anchor="    cpdef object ncp   #", where="before", text=_ATTRIBUTES),
        text=_ATTRIBUTES,
    ),
    Edit(
        reason="methods of Class",
        anchor="    def _check_task_dependency(self, level):\n",
        where="before",
        text='''\
    def set_source_provider(self, provider):
        """
        Give the sources of scalar modes from outside (cosmicnet).

        At the next compute(), provider.provide(request) is called once, with a SourceRequest, before
        the perturbation equations would be integrated. It returns True when it has filled every
        table in request.tables, False to have CLASS integrate. None restores the options' choice.
        """
        _require_own(self)
        self._provider = provider
        self.computed = False
        self._computed_from = None

    def neural_network_info(self):
        """
        Say whether networks gave the sources of the last compute() (cosmicnet).

        Returns
        -------
        info : dict
            'used' (bool), 'reason' (why not, or None), and from the networks 'name', 'hash',
            'seconds' (per step), 'fallbacks' (how often the equations were integrated instead).
            'switched_on_by': where networks are on by default, the file or variable that says so.
            'fast_background' (bool): whether background and thermal history come from the fast modules.
            'fast_tensors' (bool): whether tensor modes come from the fast integration.
            'fast_line_of_sight' (bool): whether the transfer functions come from the fast integration.
            'fast_non_linear' (bool): whether non-linear spectra come from the fast HMcode.
        """
        computed = set(self.ncp) if self.allocated else set()
        fast = "transfer" in computed and self.tr.line_of_sight_is_fast
        non_linear = "fourier" in computed and self.fo.non_linear_is_fast
        background = "background" in computed and self.ba.background_is_fast
        tensors = "perturbations" in computed and self.pt.tensors_are_fast
        return {**_connection_info(self._connection), "fast_background": bool(background), "fast_tensors": bool(tensors),
                "fast_line_of_sight": bool(fast), "fast_non_linear": bool(non_linear)}

''',
    ),
    Edit(
        reason="names of the later modules' parameters, for Cobaya", part="later",
        anchor="    def _check_task_dependency(self, level):\n",
        where="before",
        text='''\
    @staticmethod
    def parameters_of_later_modules():
        """Names of the parameters on which the source functions do not depend (cosmicnet)."""
        return frozenset(_later_modules())

''',
    ),
    *(Edit(
        reason=f"no other thread uses {method}() meanwhile",
        anchor=f"    def {method}({parameters}):\n",
        where="after",
        text="        _require_own(self) # cosmicnet\n",
    ) for method, parameters in {"struct_cleanup": "self", "set": "self,*pars,**kars", "empty": "self"}.items()),
    Edit(
        reason="keep results for the next computation", part="later",
        anchor="        if(self.allocated != True):\n          return\n",
        where="before",
        text="        if _lay_aside(self): # cosmicnet\n          return\n",
    ),
    Edit(
        reason="free the results that were kept", part="later",
        anchor="        self._pars = {}\n        self.computed = False\n",
        where="before",
        text="        _forget(self) # cosmicnet\n",
    ),
    Edit(
        reason="one thread at a time",
        anchor="        # Check if already allocated to prevent memory leaks\n",
        where="before",
        text="""\
        # cosmicnet: one thread at a time
        occupied = _Occupied(self)

""",
    ),
    Edit(
        reason="run the later modules alone where that is enough", part="later",
        anchor="        # Check if already allocated to prevent memory leaks\n",
        where="before",
        text="""\
        # cosmicnet: only parameters of later modules changed?
        _take_up(self)
        if _compute_later(self, level):
            return
        self._computed_from = None

""",
    ),
    Edit(
        reason="keep the options from CLASS's input",
        anchor="""\
        # Equivalent of writing a parameter file
        self._fillparfile()
""",
        where="instead",
        text="""\
        # Equivalent of writing a parameter file
        all_parameters = self._pars
        declined = _to_start_again_without(self._connection)
        self._connection = None
        self._connection, self._pars = _open_connection(all_parameters, self._provider, declined)
        computed_from = (dict(all_parameters), self._pars)
        try:
            self._fillparfile()
        finally:
            self._pars = all_parameters
""",
    ),
    Edit(
        reason="connect the provider",
        anchor="""\
            if perturbations_init(&(self.pr), &(self.ba),
                            &(self.th), &(self.pt)) == _FAILURE_:
                self.struct_cleanup()
""",
        where="instead",
        text="""\
            if not _prepare_sources(self, level, computed_from[1]) or \
                    perturbations_init(&(self.pr), &(self.ba),
                            &(self.th), &(self.pt)) == _FAILURE_:
                self.struct_cleanup()
                if _to_start_again_without(self._connection) is not None:
                    return self.compute(level)
                _raise_provider_error(self._connection)
""",
    ),
    Edit(
        reason="hand over what was recorded",
        anchor='            self.ncp.add("perturbations")\n',
        where="after",
        or_else=Edit(reason="the same in 3.2", anchor='            self.ncp.add("perturb")\n', where="after",
                     text=_TELL_INTEGRATED),
        text=_TELL_INTEGRATED,
    ),
    Edit(
        reason="remember the parameters of a finished computation",
        anchor="""\
        self.computed = True

        # At this point, the cosmological instance contains everything needed. The
""",
        where="before",
        text="        self._computed_from = computed_from\n",
    ),
)

def _as_arrays(row: str, size: str, call: str, after: str) -> tuple[Edit, ...]:
    """A function that copies spectra to arrays number by number copies them as columns. row: of one multipole."""
    return (
        Edit(
            reason=f"room for the spectra of all multipoles ({row})", part="spectra",
            anchor=f"        cdef double *{row} = <double*> calloc(self.{size},sizeof(double))\n",
            where="instead",
            text=f"        cdef double *{row} = <double*> calloc((lmax+1)*self.{size},sizeof(double)) # cosmicnet\n",
        ),
        Edit(
            reason=f"the row of a multipole ({row})", part="spectra",
            anchor=f"{call}{row}{after}",
            where="instead",
            text=f"{call}{row}+<int>ell*self.{size}{after}",
        ),
        Edit(
            reason=f"columns of the spectra ({row})", part="spectra",
            anchor=f"""\
            for flag, index, name in has_flags:
                if name in spectra:
                    cl[name][ell] = {row}[index]
""",
            where="instead",
            text=f"""\
        # cosmicnet
        columns = np.asarray(<double[:lmax+1, :self.{size}]>{row})
        for flag, index, name in has_flags:
            if name in spectra:
                cl[name][:] = columns[:, index]
""",
        ),
    )


SPECTRA = (
    *_as_arrays("rcl", "hr.ct_size", "harmonic_cl_at_l(&self.hr, ell, ", ", cl_md, cl_md_ic)"),
    *_as_arrays("lcl", "le.lt_size", "lensing_cl_at_l(&self.le,ell,", ")"),
)

EDITS: dict[str, tuple[Edit, ...]] = {"python/cclassy.pxd": DECLARATIONS, "python/classy.pyx": (*WRAPPER, *SPECTRA)}
