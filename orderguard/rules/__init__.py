"""Decision rules beside the model: a reviewed file of expressions in CEL over an order's and its features' fields, and
lists of tokens that are always flagged or never.

`file` reads what people wrote, `fields` names what an expression may ask for, `cost` bounds the work, `expressions`
compiles with Google's CEL library (which loads where there are rules to compile, and nowhere else), `decision` decides.
"""

from orderguard.rules.decision import MODEL, Decision, Hit, Rulebook, load_rules
from orderguard.rules.errors import RulesError

__all__ = ["MODEL", "Decision", "Hit", "Rulebook", "RulesError", "load_rules"]
