"""The networks of CosmicNet I (arXiv:1907.05764), as the paper describes them."""
