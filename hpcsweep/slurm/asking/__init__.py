"""Login node, before a submission: may we, when, and what does a node have?

`cluster` asks for its `limits` (`reading` understands the answers), `request` refuses what it would not take (with
`features` that no node has), `allowance` says what an account may still use, `when` compares starts, `probe` looks at a
node, `doctor` does all of it.
"""
