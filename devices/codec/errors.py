"""What may be wrong with a body, and with one packet in it."""


class BodyError(ValueError):
    """The whole body is refused; nothing in it is stored.

    ``code`` is stable: ``malformed``, ``empty``, ``mixed_streams`` or ``too_large``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class PacketError(ValueError):
    """One packet is invalid; its neighbours are not affected.

    ``code`` is stable: ``required``, ``type``, ``range``, ``format``, ``count`` or,
    where the bytes were damaged on their way, ``crc``.
    """

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.code = code
        self.reason = reason
