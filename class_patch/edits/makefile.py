"""Makefile: compile our files."""
from ..anchors import Edit

EDITS = (
    Edit(
        reason="compile our files",
        anchor="transfer.opp harmonic.opp",
        where="instead",
        text="cosmicnet_hmcode.opp cosmicnet_halo_model.opp cosmicnet_halo_sum.opp cosmicnet_haloes.opp"
             " cosmicnet_epoch.opp cosmicnet_linear.opp cosmicnet_spline.opp cosmicnet_transition.opp"
             " cosmicnet_variance.opp cosmicnet_wiggles.opp"
             " transfer.opp cosmicnet_line_of_sight.opp cosmicnet_integrals.opp cosmicnet_nodes.opp"
             " cosmicnet_sources.opp cosmicnet_bessel.opp cosmicnet_harmonic.opp harmonic.opp"
             " cosmicnet_wigner.opp cosmicnet_angles.opp cosmicnet_lensing_terms.opp cosmicnet_lensing.opp",
    ),
)
