"""Small providers beside Google's, for programs that use them: what they make is made on this machine, or declared.

They are stand-ins: where the real plugin of `random`, `tls`, `command` or `time` is installed, that is used.
"""
