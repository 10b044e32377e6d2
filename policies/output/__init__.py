"""A report for people and machines. Every module here makes one text of the same document (`policies.report`)."""
