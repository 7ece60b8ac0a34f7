from __future__ import annotations

import aiohttp

from services.link.health import Cause, health_server


async def get(port: int, path: str, **options: object) -> tuple[int, str, object]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}{path}", **options) as response,  # type: ignore[arg-type]
    ):
        return response.status, response.headers["content-type"], await response.json()


async def test_alive_is_not_ready_and_the_causes_are_asked_anew() -> None:
    causes = [
        Cause(cause="browser", text="There is no browser."),
        Cause(cause="stuck", text="A page hangs.", restart_helps=True),
    ]
    async with health_server("aistudio", "1.2", lambda: causes, 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await get(port, "/healthz") == (
            200,
            "application/json",
            {"status": "ok", "name": "aistudio", "version": "1.2"},
        )
        assert await get(port, "/readyz?x=1") == (
            503,
            "application/json",
            {
                "ready": False,
                "causes": [
                    {"cause": "browser", "text": "There is no browser.", "blocking": True, "restart_helps": False},
                    {"cause": "stuck", "text": "A page hangs.", "blocking": True, "restart_helps": True},
                ],
            },
        )
        causes[:] = [Cause(cause="note", text="Another browser.", blocking=False)]
        status, _, body = await get(port, "/readyz")
        assert (status, body["ready"], body["causes"][0]["text"]) == (200, True, "Another browser.")
        causes.clear()
        assert await get(port, "/readyz") == (200, "application/json", {"ready": True, "causes": []})
        assert (await get(port, "/else"))[0] == 404
        assert server.sockets[0].getsockname()[0] == "127.0.0.1"
