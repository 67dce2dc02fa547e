import hashlib
import hmac

from multidict import CIMultiDict

from rxkernel import ForbiddenException

access = "public"


async def router(path: str, headers: CIMultiDict[str], body: bytes) -> str:
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, headers.get("X-Signature", "")):
        raise ForbiddenException
    return f"{path}: {len(body)} bytes"
