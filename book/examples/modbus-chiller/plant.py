"""A chiller plant for the example: python3 plant.py [port]. It obeys a setpoint only while remote is enabled, its
timer has not run out and the heartbeat still moves; otherwise its own 15 degC stand. Needs pymodbus 3.16 or later."""
import asyncio
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

COIL, HOLDING, INPUT = 1, 3, 4  # function codes that read each space
bits, words = (lambda: [SimData(0, 16, False, DataType.BITS)]), (lambda: [SimData(0, 100, 0, DataType.REGISTERS)])


async def run(server):
    get, put = server.async_getValues, server.async_setValues
    supply, last, silent = 15.0, 0, 0
    while True:
        (enabled,), (setpoint,) = await get(1, COIL, 0), await get(1, HOLDING, 40)
        (heartbeat,), (timer,) = await get(1, HOLDING, 50), await get(1, HOLDING, 52)
        silent, last = (silent + 1 if heartbeat == last else 0), heartbeat
        applied = setpoint if enabled and timer > 0 and silent < 60 else 150
        supply += (applied / 10 - supply) * 0.05
        await put(1, 16, 41, [applied])
        await put(1, 16, 51, [heartbeat, max(timer - 1, 0)])
        await put(1, INPUT, 10, [round(supply * 10), 0, round(max(0.0, 30.0 - supply) * 200)])
        await asyncio.sleep(1.0)


async def main():
    device = SimDevice(1, simdata=(bits(), bits(), words(), words()))
    server = ModbusTcpServer(device, address=("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 1502))
    await asyncio.gather(server.serve_forever(), run(server))


asyncio.run(main())
