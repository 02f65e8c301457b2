"""Questions to the results: conditions, columns and their labels."""
