"""Successive halving on trajectories: which settings go on from a rung, decided once and written down in the store.

A rung is a further point of each trajectory, so who goes on continues from a checkpoint. `rules` says how many go on
and who is better, `readings` what runs came to, `ladder` what is decided in a store, `standing` how far each setting
may go, `orders` what a submission lets its workers train now, `audit` what stopped settings say that were trained on,
`of_sweep` what planners and readers ask.

The rule is that of K. Jamieson and A. Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization", AISTATS 2016; setting by setting, that of L. Li et al., "A System for Massively Parallel Hyperparameter
Tuning", MLSys 2020.
"""
