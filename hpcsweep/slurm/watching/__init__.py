"""Login node, after a submission: who waits and why, who runs where, who died of what."""
