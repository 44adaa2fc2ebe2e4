"""One way to run what strangers' bytes may crash, hang or swell: a child process, bounded, killed and replaced.

`process.py` starts and ends it, `wire.py` is what both ends say (length-prefixed JSON with bytes attached, never pickle),
`child.py` is the child's end, and ours is one of two: `channel.py` on an event loop, `conversation.py` in a thread that waits.
"""
