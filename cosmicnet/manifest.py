"""Description of a network set: format, domain, settings, fields, provenance, hashes."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import NetworkFileError
from .region import Ellipsoid, LinearConstraint

__all__ = ["ARCHITECTURES", "FIELDS_ARCHITECTURE", "FORMAT_VERSION", "PAPER_ARCHITECTURE", "Manifest"]

FORMAT_VERSION = 2

# Fields of this package, or the networks of CosmicNet I.
FIELDS_ARCHITECTURE, PAPER_ARCHITECTURE = ARCHITECTURES = ("cosmicnet", "paper")


@dataclass(frozen=True)
class Manifest:
    """The frozen description stored as manifest.json beside the arrays.

    class_version: as CLASS writes it; requests of other releases are not covered, those of other patch levels are.
    source_digest: of the files of that CLASS that determine the source functions.
    domain: parameter (name as in SourceRequest.cosmology) to (lowest, highest) allowed.
    setup, precision: CLASS's choices that a request must share (names of SourceRequest).
    derived: quantity to its relative tolerance; the set has a small model of each as a function of derived_inputs.
    A request with another value has other physics.
    sha256: of the arrays and of all other entries.
    constraints: linear, of the same names, as region.LinearConstraint reads them; ellipsoid: as region.Ellipsoid
    writes itself, empty for none. Both cut the domain.
    boundaries: of the set's photon fields, as coordinates.Boundaries; empty for those of CLASS.
    k_max: largest wavenumber, 1/Mpc; k_max_cmb_times_sound_horizon: the same for the photon sources.
    architecture: one of ARCHITECTURES; fields: descriptions of the networks, in terms of the architecture.
    companion: the shipped set that gives the sources for which this one has no networks, '' for none.
    """

    name: str
    description: str
    class_version: str
    source_digest: str
    domain: dict[str, tuple[float, float]]
    setup: dict[str, float]
    precision: dict[str, float]
    derived: dict[str, float]
    derived_inputs: list[str]
    k_max: float
    k_max_cmb_times_sound_horizon: float
    fields: list[dict[str, Any]]
    dense_layers: int
    sha256: str
    recipe: dict[str, Any] = field(default_factory=dict)
    architecture: str = FIELDS_ARCHITECTURE
    companion: str = ""
    constraints: list[str] = field(default_factory=list)
    ellipsoid: dict[str, Any] = field(default_factory=dict)
    boundaries: dict[str, float] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    @property
    def precision_settings(self) -> dict[str, float]:
        """CLASS's precision parameters of the training, from the recipe; empty for CLASS's defaults."""
        levels = self.recipe.get("levels", {})
        return {**levels.get("shared", {}), **levels.get("converged", {})}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any, source: str) -> Manifest:
        """Check names and version; NetworkFileError names the error in `source`."""
        if not isinstance(data, Mapping):
            raise NetworkFileError(f"{source}: not a JSON object but {type(data).__name__}")
        version = data.get("format_version")
        if version != FORMAT_VERSION:
            raise NetworkFileError(
                f"{source}: format version {version}, but this cosmicnet reads {FORMAT_VERSION}")
        # sets of one architecture, with a box for a domain and CLASS's boundaries, do not name these
        data = {"architecture": FIELDS_ARCHITECTURE, "companion": "", "constraints": [], "ellipsoid": {},
                "boundaries": {}, **data}
        names = set(cls.__dataclass_fields__)
        wrong = sorted(names ^ set(data))
        if wrong:
            raise NetworkFileError(f"{source}: missing or unknown entries: {', '.join(wrong)}")
        texts = ("name", "description", "class_version", "source_digest", "sha256", "architecture", "companion")
        no_text = [entry for entry in texts if not isinstance(data[entry], str)]
        if no_text:
            raise NetworkFileError(f"{source}: not a text: {', '.join(no_text)}")
        if data["architecture"] not in ARCHITECTURES:
            raise NetworkFileError(f"{source}: unknown architecture {data['architecture']!r}; known: "
                                   f"{', '.join(ARCHITECTURES)}")
        try:
            numbers = {
                "domain": {name: (float(low), float(high)) for name, (low, high) in data["domain"].items()},
                **{entry: {name: float(value) for name, value in data[entry].items()}
                   for entry in ("setup", "precision", "derived", "boundaries")},
                **{entry: float(data[entry]) for entry in ("k_max", "k_max_cmb_times_sound_horizon")},
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise NetworkFileError(f"{source}: an entry is not made of numbers: {error}") from error
        try:
            for text in data["constraints"]:
                LinearConstraint.parse(text)
            if data["ellipsoid"]:
                Ellipsoid.from_json(data["ellipsoid"])
        except (KeyError, TypeError, ValueError) as error:
            raise NetworkFileError(f"{source}: constraints or ellipsoid: {error!r}") from error
        return cls(**{**data, **numbers})
