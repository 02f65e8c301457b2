"""Questions to the results: `select` (which runs), `values` (which numbers of them), `over_epochs` (which of those are
the best of many), `where` (conditions), `labels` (how settings are written), `in_common` (what all runs share) and
`noted` (how many runs have a note)."""
