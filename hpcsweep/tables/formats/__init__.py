"""How a table is written: text, Markdown, CSV, LaTeX, HTML, JSON."""
