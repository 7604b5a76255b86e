# cosmicnet: the options of the networks among the parameters of a Class object, and the checks of their values.
# Included by classy.pyx before the class Class.

_OPTION_PREFIX = "neural_network"
_OPTIONS = ("neural_network", "neural_network_path", "neural_network_fallback", "neural_network_learn")
# Values of a switch; CLASS itself reads words that begin with y or t, and n or f.
_ON, _OFF = ("yes", "y", "true", "on", "1"), ("no", "n", "false", "off", "0")
# Parts of the patch that this CLASS has.
_PARTS = frozenset(json.loads("""@PARTS@"""))
# Options of CLASS's input, and the part that each switches; by default they are on wherever sources were provided.
_PART_OF = {"fast_background": "background", "fast_tensors": "tensors", "fast_line_of_sight": "line_of_sight", "fast_non_linear": "non_linear"}
_FAST = tuple(_PART_OF)
# Environment variables with the options of all objects that set none of _OPTIONS themselves.
_VARIABLES = {"COSMICNET": "neural_network", "COSMICNET_PATH": "neural_network_path",
              "COSMICNET_FALLBACK": "neural_network_fallback", "COSMICNET_LEARN": "neural_network_learn", **{"COSMICNET_" + name.upper(): name for name in _FAST}}


def _options_file():
    """The user's file of options, or None for a user without a home."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(folder, "cosmicnet", "options.ini") if os.path.isabs(folder) else None


def _read_options(path):
    """Lines `name = value` as in CLASS's own input files; # begins a comment. None if there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.partition("#")[0].strip() for line in file]
    except (OSError, UnicodeDecodeError) as error:
        # nor is there one in a home that this user may not enter
        if not os.path.exists(path):
            return None
        raise CosmoSevereError("%s: %s" % (path, error)) from error
    options = {}
    for line in filter(None, lines):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or name not in _VARIABLES.values():
            raise CosmoSevereError("%s: %r is not `name = value` with one of %s"
                                   % (path, line, ", ".join(_VARIABLES.values())))
        options[name] = value
    return options


def _default_options():
    """Options for objects that set none, and the place that defines them: the environment, else the user's file."""
    given = {name: os.environ[variable].strip() for variable, name in _VARIABLES.items()
             if os.environ.get(variable, "").strip()}
    switch = given.get("neural_network")
    if switch is not None:
        return given, "COSMICNET in the environment"
    path = _options_file()
    options = path and _read_options(path)
    if not options:
        return {}, None
    return {**options, **given}, path


def _with_defaults(parameters):
    """Parameters, with the options of the process or the user if they set none; and the place that defines these, or None."""
    if any(str(name).strip().startswith(_OPTION_PREFIX) for name in parameters):
        return parameters, None
    options, place = _default_options()
    if not _as_switch("neural_network", options.get("neural_network", "no")):
        return parameters, None
    given = {str(name).strip() for name in parameters}
    return {**parameters, **{name: value for name, value in options.items() if name not in given}}, place


def _open_connection(parameters, provider, _SourceConnection declined):
    """
    Split off the neural_network options; return (connection or None, parameters as CLASS reads them).

    declined : connection of the same computation whose provider left the sources to CLASS, or None.
    Raises CosmoSevereError for options that are wrong or have no effect, and networks that cannot be loaded.
    """
    is_given = provider is not None
    place = None
    if not is_given:
        parameters, place = _with_defaults(parameters)
    options = {name: value for name, value in parameters.items()
               if str(name).strip().startswith(_OPTION_PREFIX)}
    for_class = {name: value for name, value in parameters.items() if name not in options}
    unknown = [str(name) for name in options if str(name).strip() not in _OPTIONS]
    if unknown:
        raise CosmoSevereError("unknown option %s; the options of the networks are %s"
                               % (", ".join(unknown), ", ".join(_OPTIONS)))
    options = {str(name).strip(): value for name, value in options.items()}
    if options and "neural_network" not in options and provider is None:
        raise CosmoSevereError("%s: has no effect without neural_network: yes (or no)" % ", ".join(options))
    switched_on = _as_switch("neural_network", options.pop("neural_network", "no"))
    for name, value in for_class.items():
        if str(name).strip() in _FAST:
            for_class[name] = "yes" if _as_switch(str(name).strip(), value) else "no"
            if for_class[name] == "yes" and _PART_OF[str(name).strip()] not in _PARTS:
                raise CosmoSevereError("%s = yes: this CLASS was patched without it, since its code differs from the "
                                       "release that the patch was made for" % name)
    # fast modules at every point, so that the likelihood does not depend on whether a point was integrated
    if switched_on and not is_given and "neural_network_learn" in options:
        given = {str(name).strip() for name in for_class}
        for_class.update({name: "yes" for name in _FAST if name not in given and _PART_OF[name] in _PARTS})
    if provider is None and switched_on:
        try:
            if "neural_network_learn" in options:
                from cosmicnet.training.learn.learner import open_learner as open_provider
            else:
                from cosmicnet.provider import open_provider
            from cosmicnet.running_class import RunningClass
        except ImportError as error:
            raise CosmoSevereError("neural_network = yes needs the package cosmicnet, which does not "
                                   "import here: %s" % error) from error
        try:
            provider = open_provider(**options, running=RunningClass(__version__, SOURCE_DIGEST, CHANGED_FILES))
        except Exception as error:
            raise CosmoSevereError(str(error)) from error
        cosmicnet_keep_memory()
    if provider is None:
        return None, for_class
    given = {str(name).strip() for name in for_class}
    # with the user's own provider everything else is as in stock classy, unless the user switches more on
    if is_given:
        for_class.update({name: "no" for name in _FAST if name not in given})
    _refuse_crashing(for_class)
    cdef _SourceConnection connection = declined
    if connection is not None:
        connection.may_start_again = False
        connection.searched = None
        return connection, for_class
    connection = _SourceConnection(provider)
    connection.parameters = for_class
    connection.place = place
    if is_given:
        return connection, for_class
    # a learner's models are integrated by CLASS, which takes longer with more wavenumbers
    connection.adds_wavenumbers = "neural_network_learn" not in options
    connection.searched, connection.target = _searched_amplitude(for_class)
    if connection.searched is not None:
        del for_class[connection.searched]
        for_class["A_s"] = repr(_REFERENCE_A_S)
        connection.may_start_again = True
    # fast_background stays off where CLASS searches by integrating the equations: starting again would repeat the search
    if "background" not in _PARTS:
        return connection, for_class
    if given.isdisjoint(("fast_background", *_SEARCHED_BY_SOURCES)) or \
            (connection.searched is not None and "fast_background" not in given):
        for_class["fast_background"] = "yes"
        connection.may_start_again = True
    return connection, for_class


def _refuse_crashing(parameters):
    """Refuse values that are not positive where CLASS 3.4.1 would end with a segmentation fault."""
    for name in ("T_cmb", "Tcmb", "H0", "h"):
        if name in parameters:
            try:
                positive = float(parameters[name]) > 0.
            except (TypeError, ValueError):
                continue # CLASS reports values that it cannot read
            if not positive:
                raise CosmoSevereError("%s = %s: must be positive" % (name, parameters[name]))


def _as_switch(name, value):
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _ON + _OFF:
        return text in _ON
    raise CosmoSevereError("%s = %r: allowed are yes and no" % (name, value))
