# cosmicnet: the amplitude A_s that gives sigma8 or S8, where networks give the sources.
# Included by classy.pyx before the class Class.
#
# CLASS integrates the equations to find A_s. Here networks give the sources at one reference amplitude. sigma8 is
# proportional to the square root of A_s, so one evaluation is enough.

cdef extern from "cosmicnet/shim/amplitude.h":
    void cosmicnet_ask_for_sigma8(precision *, perturbations *, fourier *)
    double cosmicnet_sigma8(background *, fourier *, int)
    double cosmicnet_A_s(primordial *)
    void cosmicnet_set_A_s(primordial *, double)

_AMPLITUDES = ("A_s", "ln_A_s_1e10", "ln10^{10}A_s")
_SEARCHED_BY_SOURCES = ("sigma8", "S8")
# Any value works. It is the same for all targets, so that a step to another target gives the same bits as a fresh computation.
_REFERENCE_A_S = 2.1e-9


def _as_amplitude(value):
    """The value as a number; None if it is not valid, so that CLASS reports the error."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0. < number < float("inf") else None


def _searched_amplitude(for_class):
    """Name and value of the one parameter that stands for A_s; (None, None) if there is none, or CLASS has to search."""
    given = {str(name).strip(): value for name, value in for_class.items()}
    names = [name for name in _SEARCHED_BY_SOURCES if name in for_class]
    # an external primordial spectrum has its own amplitude
    has_own_spectrum = any(name.lower().startswith(("p_k_ini", "pk_ini")) for name in given)
    if len(names) != 1 or has_own_spectrum or not given.keys().isdisjoint(_AMPLITUDES):
        return None, None
    target = _as_amplitude(for_class[names[0]])
    return (None, None) if target is None else (names[0], target)


def _amplitude(_SourceConnection connection):
    """A_s, once the value of the target at the reference is known."""
    cdef double ratio = connection.target/connection.at_reference
    return _REFERENCE_A_S*ratio*ratio


cdef int _find_amplitude(Class self, for_class) except -1:
    """
    Find A_s, and put it into the structure and into for_class. self.pt is as after the input.

    Returns False if the networks do not answer or CLASS fails, with the message in self.pt.
    """
    cdef _SourceConnection connection = <_SourceConnection>self._connection
    cdef perturbations pt = self.pt
    cdef primordial pm = self.pm
    cdef fourier fo = self.fo
    cosmicnet_ask_for_sigma8(&self.pr, &pt, &fo)
    cosmicnet_set_A_s(&pm, _REFERENCE_A_S)
    connection.connect(&pt, False)
    if perturbations_init(&self.pr, &self.ba, &self.th, &pt) == _FAILURE_:
        snprintf(self.pt.error_message, sizeof(ErrorMsg), "%s", pt.error_message)
        return False
    if primordial_init(&self.pr, &pt, &pm) == _FAILURE_:
        perturbations_free(&pt)
        snprintf(self.pt.error_message, sizeof(ErrorMsg), "%s", pm.error_message)
        return False
    if fourier_init(&self.pr, &self.ba, &self.th, &pt, &pm, &fo) == _FAILURE_:
        primordial_free(&pm)
        perturbations_free(&pt)
        snprintf(self.pt.error_message, sizeof(ErrorMsg), "%s", fo.error_message)
        return False
    connection.at_reference = cosmicnet_sigma8(&self.ba, &fo, connection.searched == "S8")
    fourier_free(&fo)
    primordial_free(&pm)
    perturbations_free(&pt)
    cosmicnet_set_A_s(&self.pm, _amplitude(connection))
    for_class["A_s"] = repr(cosmicnet_A_s(&self.pm))
    return True


cdef int _prepare_sources(Class self, level, for_class) except -1:
    """Before perturbations_init(): find the amplitude if need be, set the provider. False if something failed."""
    if self._connection is None:
        return True
    cdef _SourceConnection connection = <_SourceConnection>self._connection
    if connection.searched is not None and "primordial" in level and not _find_amplitude(self, for_class):
        return False
    connection.connect(&self.pt, "primordial" not in level)
    return True
