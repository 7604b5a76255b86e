"""The networks of CosmicNet I (arXiv:1907.05764) at run time, as the paper describes them.

Their training lives in `training/paper`; Keras may not be imported here.
"""
