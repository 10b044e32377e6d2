"""The features, a room a subject."""
