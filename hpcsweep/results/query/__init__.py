"""Questions to the results: `select` (which runs), `values` (which numbers of them), `where` (conditions), `labels`
(how settings are written) and `in_common` (what all runs share)."""
