"""How a table is written: text, Markdown, CSV, LaTeX, HTML, JSON.

Other rooms import `decimals` (numbers as text) and `plain` (any frame as text).
"""
