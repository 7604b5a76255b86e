"""Networks for the source functions of CLASS; `neural_network: yes` in classy uses this package."""
