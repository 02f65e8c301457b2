"""Suggested points: a library chooses what to try next from what was tried, round by round, written down in the store.

`library` asks Optuna, `one_round` knows how far a round is, `rounds` decides in a store, `orders` says what a
submission lets its workers train now, `of_sweep` what planners and readers ask, and `words` what people are told. Which
runs that gives is known without any of them: `sweep.search` reads it from the decisions.
"""
