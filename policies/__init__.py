"""The policy pack: rules for Google Cloud that see what Pulumi is about to deploy.

`policies.rules` holds the rules, one module a subject. `policies.value` reads what may be unknown in a preview,
`policies.rule` says what a rule is, `policies.evaluation` applies one, `policies.analyzer` answers the engine,
`policies.testing` is the harness for rules of your own.
"""
