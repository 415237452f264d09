"""httpx with h2 (Debian's python3-httpx, python3-h2). A JSON line { do, … } in, a JSON line out (helpers/peer.lua)."""
import asyncio
import json
import os
import sys

import httpx


async def ask(client, request):
    answer = await client.request(
        request["method"], request["origin"] + request["path"], content=request.get("body"),
        headers=request.get("headers"))
    assert answer.http_version == "HTTP/2", answer.http_version
    return {"status": answer.status_code, "headers": answer.headers.multi_items(), "body": answer.text}


async def many(client, request):
    answers = await asyncio.gather(*(ask(client, request) for _ in range(request["count"])))
    return {"good": sum(answer["status"] == 200 for answer in answers)}


def server_of(answer):
    """Each worker of each server has its own first half of the request's id."""
    return dict(answer["headers"])["x-request-id"][:8]


async def move(client, request):
    """Count at once, again and again, until another server answers."""
    first, again, lost = server_of(await ask(client, request)), 0, []

    async def one():
        nonlocal again
        while True:
            try:
                answer = await ask(client, request)
                if answer["status"] != 200:
                    return lost.append(str(answer["status"]))
                if server_of(answer) != first:
                    return None
            except httpx.ConnectError:  # nobody listens there for a moment
                again += 1
                await asyncio.sleep(0.01)
            except Exception as error:
                return lost.append(repr(error))

    await asyncio.gather(*(one() for _ in range(request["count"])))
    return {"again": again, "lost": "; ".join(lost)}


async def cancel(client, request):
    async with client.stream("GET", request["origin"] + request["path"]):
        pass  # left before the body is read
    return {}


async def main():
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(http2=True, verify=os.environ["CLIENT_CA"], limits=limits, timeout=30) as client:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer = await {"ask": ask, "many": many, "move": move, "cancel": cancel}[request["do"]](client, request)
            except Exception as error:  # what the client's own code threw
                answer = {"error": repr(error)}
            print(json.dumps(answer), flush=True)


asyncio.run(main())
