"""Keyed digests: what may outlive an erased text or identifier, and cannot be turned back without the key."""

import hashlib
import hmac

from django.conf import settings


def keyed_digest(text: str) -> str:
    """HMAC-SHA256 of the text under the installation's secret, as 64 hexadecimal digits."""
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
