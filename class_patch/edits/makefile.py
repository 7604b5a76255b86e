"""Makefile: compile our files."""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="compile the fast line of sight",
        anchor="transfer.opp harmonic.opp",
        where="instead",
        text="transfer.opp cosmicnet_line_of_sight.opp cosmicnet_integrals.opp cosmicnet_nodes.opp"
             " cosmicnet_sources.opp cosmicnet_bessel.opp cosmicnet_harmonic.opp harmonic.opp"
             " cosmicnet_wigner.opp cosmicnet_angles.opp cosmicnet_lensing_terms.opp cosmicnet_lensing.opp",
    ),
)
