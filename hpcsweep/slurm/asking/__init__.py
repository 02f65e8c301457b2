"""Login node, before a submission: may we, when, and what does a node have?"""
