"""What a first deployment needs, looked for where it is: on this machine, in the project, on GitHub, in the stack's
file.
"""
