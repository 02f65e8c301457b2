"""Questions to the results: `select` (which runs), `values` (which numbers of them), `where` (conditions) and
`labels` (how settings are written)."""
