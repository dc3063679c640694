"""A WebSocket server that sends back what it gets. Prints its port."""

import asyncio

from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        if message == "close":
            await connection.close(4321, "as you wish")
            return
        await connection.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0, subprotocols=["echo.v1"], max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
