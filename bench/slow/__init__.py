"""Looking for slow inputs: texts for each recogniser, and whole request bodies within the limits of the schema."""
