"""Real containers, where the machine has something that builds or runs them: Docker, podman, buildah.

`engines` finds it, `images` builds and pulls, `run` says how a container becomes a process that the supervisor keeps.
Docker and podman run what they build (`client.py` ends a container whose supervisor is gone). buildah builds alone, and
its `run` neither passes signals on nor hides variables: what it built is run by `rootfs.py`, on a root file system.
"""
