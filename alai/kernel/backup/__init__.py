"""The installation's own backup: one file, read in one snapshot, restored whole or not at all.

`take` writes it, `bring_back` restores it, `upgrade` moves the embedded PostgreSQL to another major with both.
`upgrade` runs without Django, so nothing is imported here.
"""
