"""Questions to the results: `select` (which runs), `values` (which numbers of them), `over_epochs` (which of those are
the best of many), `where` (conditions), `labels` (how settings are written) and `in_common` (what all runs share)."""
