"""Masking: the one door that an order goes through before anything else sees it.

    keyring = Keyring.from_environment(os.environ)    # fails closed: no key, no masking
    masked = mask_order(order, keyring)               # Order in, MaskedOrder out
    mask_text("mail me at a@b.example")               # 'mail me at [EMAIL]'

docs/technical/privacy.md says what is found, what is not, and which test proves it.
"""

from orderguard.masking.keyring import Keyring, MaskingKeyError, new_key_text, pseudonym
from orderguard.masking.order import mask_order
from orderguard.masking.text import mask_text

__all__ = ["Keyring", "MaskingKeyError", "mask_order", "mask_text", "new_key_text", "pseudonym"]
