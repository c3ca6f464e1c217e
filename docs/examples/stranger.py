"""Read the mesh without Labmesh: any MQTT 5 client and msgpack will do.

Run: python docs/examples/stranger.py HOST PORT
"""

import asyncio
import sys

import aiomqtt
import msgpack


async def main(host: str, port: int) -> None:
    """Print who is there and in which state, then leave."""
    async with aiomqtt.Client(host, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("lab1/+/+/node/life", qos=1)
        try:
            async with asyncio.timeout(1):
                async for message in client.messages:
                    envelope = msgpack.unpackb(message.payload)
                    print(envelope["from"], envelope["body"]["state"])
        except TimeoutError:
            pass


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
