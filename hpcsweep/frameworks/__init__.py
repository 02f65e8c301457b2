"""What jobs in other frameworks than Keras use. `lightning` is for them; no other room of the package imports it.

None of the frameworks is a dependency: each module here imports its own, and only jobs import these modules.
"""
