"""Google Cloud's interfaces on this machine, for official clients: one process a stack answers them, as soon as
somebody asks.

`identity` makes and checks tokens, `callers` says who asks and what that one may, `variables` leads a program here;
each interface is a module or a folder of its own.
"""
