"""The local cloud for anybody's program: a project folder, the Python that runs it, a home of its own."""
