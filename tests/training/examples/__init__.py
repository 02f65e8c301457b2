"""Published kinds of Keras scripts, condensed in size only, each as the job that it becomes.

`python -m tests.training.examples [NAME ...] --kills N` trains each in plain Keras, with `fit`, and with `fit` killed N
times at random, and prints one line per example.
"""
