"""The way in over HTTP, for register software and pages of this machine. Imported only where a listener of kind ``http`` is configured: the
server behind it costs memory that other tills keep.
"""
