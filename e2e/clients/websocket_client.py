"""Speaks WebSocket through the gateway and prints one line for each thing that held.

usage: websocket_client.py URI [CERTIFICATE]; the host name that the gateway sees is ws.example.com
"""

import asyncio
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

uri = sys.argv[1]
context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None


async def main():
    options = {"subprotocols": ["echo.v1"], "max_size": None, "open_timeout": 30}
    if context:
        options["ssl"] = context
    async with connect(uri, host="127.0.0.1", **options) as connection:
        assert connection.subprotocol == "echo.v1", connection.subprotocol
        print("subprotocol")

        await connection.send("héllo")
        assert await connection.recv() == "héllo"
        print("text")

        big = bytes(range(256)) * 4096
        await connection.send(big)
        assert await connection.recv() == big
        print("binary of 1 MiB")

        waiter = await connection.ping(b"are you there")
        await asyncio.wait_for(waiter, 30)
        print("ping")

        # Many messages in both directions at once.
        async def send_all():
            for number in range(500):
                await connection.send(str(number))

        sending = asyncio.create_task(send_all())
        for number in range(500):
            assert await connection.recv() == str(number)
        await sending
        print("500 messages")

        await connection.send("close")
        try:
            await connection.recv()
            raise AssertionError("the connection stayed open")
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 4321, closed
            assert closed.rcvd.reason == "as you wish", closed
        print("close code")


asyncio.run(main())
