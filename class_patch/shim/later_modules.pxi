# cosmicnet: if only parameters of the later modules changed, keep the results that do not depend on them.
# Included by classy.pyx before the class Class.

cdef extern from "class.h":
    int analytic_Pk
    int background_free_input(background *)
    int thermodynamics_free_input(thermodynamics *)
    int perturbations_free_input(perturbations *)


def _later_modules():
    """Parameters of the later modules, and the module whose results each changes first; none without our package."""
    try:
        from cosmicnet.class_parameters import LATER_MODULES
    except ImportError:
        return {}
    return LATER_MODULES


# Inputs for which CLASS searches h. Here h is known already, and no later module depends on them.
_SEARCHED_BY_H = ("100*theta_s", "theta_s_100")


_ABSENT = object()

# The parameter of HMcode on which its models without feedback do not depend.
_FEEDBACK = "log10T_heat_hmcode"


cdef class _KeptTransfer:
    """Transfer functions of scalar, vector and tensor modes, freed with this object unless transfer_init() has taken them over."""

    cdef double * tables[3]
    cdef int number

    def __cinit__(self):
        self.number = 0

    def __dealloc__(self):
        for index_md in range(self.number):
            free(self.tables[index_md])


cdef class _KeptFeedback:
    """What HMcode keeps of the model without feedback, freed with this object unless fourier_init() has taken it over."""

    cdef void * pointer
    cdef void (*free_it)(void *) noexcept

    def __cinit__(self):
        self.pointer = NULL

    def __dealloc__(self):
        if self.pointer != NULL:
            self.free_it(self.pointer)


def _changed_later_only(new, old, searched):
    """
    Names of the parameters that were changed, added or removed; None if some of them act before the later modules.

    searched : the parameter for which networks gave the amplitude, or None; its value may change.
    """
    # compared as text, because CLASS reads text
    changed = {name for name in new.keys() | old.keys()
               if str(new.get(name, _ABSENT)) != str(old.get(name, _ABSENT))}
    if searched in changed and not (searched in new and searched in old):
        return None
    if searched is not None and not changed.isdisjoint(_AMPLITUDES):
        return None
    later = _later_modules()
    return None if any(name != searched and str(name).strip() not in later for name in changed) else changed


cdef int _compute_later(Class self, set level) except -1:
    """
    Run the later modules alone, if the result is that of a whole compute(); returns whether they were run.

    Background, thermodynamics and perturbations are kept, and primordial and non-linear spectra where only parameters
    of the transfer functions changed. Transfer functions of temperature and polarisation are kept too; those of the
    lensing potential (and number counts) only if neither their own parameters nor non-linear corrections changed. The
    previous computation may have ended with the primordial spectra. Raises CosmoComputationError if a module fails.
    """
    if not self.allocated or self._computed_from is None or "primordial" not in self.ncp or "primordial" not in level:
        return False
    parameters, for_class = self._computed_from
    searched = None if self._connection is None else (<_SourceConnection>self._connection).searched
    changed = _changed_later_only(self._pars, parameters, searched)
    # with nothing changed, a provider of the user's own is called again
    if changed is None or (not changed and level <= self.ncp and not _has_networks(self)):
        return False
    # primordial parameters of isocurvature may follow from those of adiabatic scalars
    if not self.pt.is_allocated or not self.pt.has_scalars or self.sd.has_distortions \
            or self.pt.ic_size[self.pt.index_md_scalars] != 1:
        return False
    # the multipoles of transfer functions depend on other spectra
    if self.pt.has_tensors and self.pm.primordial_spec_type != analytic_Pk:
        return False
    later = _later_modules()
    cdef int search = False
    has_other_target = searched in changed
    if searched is not None:
        target = _as_amplitude(self._pars[searched])
        if target is None:
            return False
        search = any(later.get(str(name).strip()) == "primordial" for name in changed)
        (<_SourceConnection>self._connection).target = target
        for_class = {**for_class, "A_s": repr(_amplitude(self._connection))}
        changed = changed - {searched}
    for_class = {name: value for name, value in for_class.items() if name not in changed}
    for_class |= {name: self._pars[name] for name in changed if name in self._pars}
    modules = {later[str(name).strip()] for name in changed}
    changes_transfer = "transfer" in modules
    cdef int keep_transfer = self.tr.is_allocated and self.fo.method == nl_none and not changes_transfer
    # with nothing changed, a computation begins with the primordial spectra
    cdef int keep_fourier = modules == {"transfer"} and not search and not has_other_target and "fourier" in self.ncp \
        and "fourier" in level and self.pm.is_allocated and self.fo.is_allocated
    kept = None
    # transfer_init() takes them over where the fast line of sight is there
    if "line_of_sight" in _PARTS and self.tr.is_allocated and not keep_transfer and not self.pt.has_vectors:
        kept = _take_transfer(self)
    feedback = None
    if {str(name).strip() for name in changed} == {_FEEDBACK} and self.fo.is_allocated and not search and not has_other_target:
        feedback = _take_feedback(self)
    _free_later(self, keep_transfer, keep_fourier)
    self.computed = False
    if not _read_later_inputs(self, for_class, keep_transfer, keep_fourier, search):
        # the whole computation reports the error
        return False
    _run_later(self, level, keep_transfer, keep_fourier, kept, feedback)
    self.ncp = set(level)
    self._computed_from = (dict(self._pars), for_class)
    self.computed = True
    return True


cdef int _has_networks(Class self):
    """Whether networks were switched on in the last compute()."""
    return self._connection is not None and self._provider is None


cdef int _lay_aside(Class self):
    """
    struct_cleanup() after a compute() with networks. The object looks empty, but results that depend on no parameter
    of the later modules stay until the next compute(), which uses or frees them. Returns whether anything was kept.
    """
    if self._is_laid_aside:
        return True
    if self._computing != 0 or not self.allocated or self._computed_from is None or not _has_networks(self) \
            or "primordial" not in self.ncp:
        return False
    _free_later(self, self.tr.is_allocated, False)
    self._is_laid_aside = True
    self._laid_aside, self.ncp = self.ncp, set()
    self.allocated = False
    self.computed = False
    return True


cdef int _take_up(Class self) except -1:
    """Undo _lay_aside(), except for the results of the later modules. Returns whether anything had been kept."""
    if not self._is_laid_aside:
        return False
    self.ncp, self._laid_aside = self._laid_aside, None
    self._is_laid_aside = False
    self.allocated = True
    return True


cdef int _forget(Class self) except -1:
    """Free the results that _lay_aside() kept."""
    if _take_up(self):
        self._computed_from = None
        self.struct_cleanup()
    return 0


cdef _KeptTransfer _take_transfer(Class self):
    cdef _KeptTransfer kept = _KeptTransfer()
    cdef int index_md
    kept.number = self.pt.md_size
    for index_md in range(kept.number):
        kept.tables[index_md] = self.tr.transfer[index_md]
        self.tr.transfer[index_md] = NULL
    return kept


cdef _KeptFeedback _take_feedback(Class self):
    cdef _KeptFeedback kept = _KeptFeedback()
    kept.pointer = self.fo.without_feedback
    kept.free_it = self.fo.free_without_feedback
    self.fo.without_feedback = NULL
    return kept


cdef void _free_later(Class self, int keep_transfer, int keep_fourier):
    if self.sd.is_allocated:
        distortions_free(&self.sd)
    if self.le.is_allocated:
        lensing_free(&self.le)
    if self.hr.is_allocated:
        harmonic_free(&self.hr)
    if self.tr.is_allocated and not keep_transfer:
        transfer_free(&self.tr)
    if self.fo.is_allocated and not keep_fourier:
        fourier_free(&self.fo)
    if self.pm.is_allocated and not keep_fourier:
        primordial_free(&self.pm)


cdef int _read_later_inputs(Class self, for_class, int keep_transfer, int keep_fourier, int search) except -1:
    """
    Have CLASS read its input again, but only into the structures of the later modules.

    search : whether the amplitude has to be found again; the result is written to A_s in for_class.
    """
    cdef ErrorMsg message
    cdef int understood, index
    cdef background ba = self.ba
    cdef thermodynamics th = self.th
    cdef perturbations pt = self.pt
    cdef transfer tr = self.tr
    cdef primordial pm = self.pm
    cdef fourier fo = self.fo
    all_parameters = self._pars
    if any(name in for_class for name in _SEARCHED_BY_H):
        for_class = {name: value for name, value in for_class.items() if name not in _SEARCHED_BY_H}
        for_class["h"] = repr(ba.h)
    self._pars = for_class
    try:
        self._fillparfile()
    finally:
        self._pars = all_parameters
    understood = input_read_from_file(&self.fc, &self.pr, &self.ba, &self.th, &self.pt, &self.tr, &self.pm,
                                      &self.hr, &self.fo, &self.le, &self.sd, &self.op, message) == _SUCCESS_
    if understood:
        background_free_input(&self.ba)
        thermodynamics_free_input(&self.th)
        perturbations_free_input(&self.pt)
        # r = 0 leaves out tensor modes
        understood = self.pt.has_tensors == pt.has_tensors
    self.ba = ba
    self.th = th
    if understood and search:
        # self.pt must be as it is after the input
        understood = _find_amplitude(self, for_class)
    self.pt = pt
    if keep_transfer:
        self.tr = tr
    if keep_fourier:
        self.pm = pm
        self.fo = fo
    # a parameter that CLASS no longer reads beside the changed ones is an error
    for index in range(self.fc.size):
        understood = understood and self.fc.read[index]
    return understood


cdef int _run_fourier(Class self, _KeptFeedback feedback) except -1:
    cdef int has_failed
    if feedback is not None:
        self.fo.kept_without_feedback = feedback.pointer
    has_failed = fourier_init(&self.pr, &self.ba, &self.th, &self.pt, &self.pm, &self.fo) == _FAILURE_
    if feedback is not None and self.fo.kept_without_feedback == NULL:
        feedback.pointer = NULL
    self.fo.kept_without_feedback = NULL
    if has_failed:
        self.struct_cleanup()
        raise CosmoComputationError(self.fo.error_message)
    return 0


cdef int _run_transfer(Class self, _KeptTransfer kept) except -1:
    cdef int has_failed
    if kept is not None:
        self.tr.kept_transfer = kept.tables
    has_failed = transfer_init(&self.pr, &self.ba, &self.th, &self.pt, &self.fo, &self.tr) == _FAILURE_
    self.tr.kept_transfer = NULL
    if has_failed:
        # CLASS frees nothing when it fails, whether it has taken the tables over or not
        self.struct_cleanup()
        raise CosmoComputationError(self.tr.error_message)
    if kept is not None:
        kept.number = 0
    return 0


cdef int _run_later(Class self, set level, int keep_transfer, int keep_fourier, _KeptTransfer kept,
                    _KeptFeedback feedback) except -1:
    if not keep_fourier and primordial_init(&self.pr, &self.pt, &self.pm) == _FAILURE_:
        self.struct_cleanup()
        raise CosmoComputationError(self.pm.error_message)
    if "fourier" in level and not keep_fourier:
        _run_fourier(self, feedback)
    if "transfer" in level and not keep_transfer:
        _run_transfer(self, kept)
    if "harmonic" in level and harmonic_init(&self.pr, &self.ba, &self.pt, &self.pm, &self.fo, &self.tr,
                                             &self.hr) == _FAILURE_:
        self.struct_cleanup()
        raise CosmoComputationError(self.hr.error_message)
    if "lensing" in level and lensing_init(&self.pr, &self.pt, &self.hr, &self.fo, &self.le) == _FAILURE_:
        self.struct_cleanup()
        raise CosmoComputationError(self.le.error_message)
    if "distortions" in level and distortions_init(&self.pr, &self.ba, &self.th, &self.pt, &self.pm,
                                                   &self.sd) == _FAILURE_:
        self.struct_cleanup()
        raise CosmoComputationError(self.sd.error_message)
    return 0
