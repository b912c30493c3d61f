"""The web application as its server calls it."""

import httpx

from telecardio.asgi import application


async def get(path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Ask for a page."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://testserver"
    ) as client:
        return await client.get(path, headers=headers)
