"""A Modbus server of pymodbus 3.16: pymodbus_server.py PORT tcp|rtu|tls [unit|half] [ca certificate key]

Holding and input 0..199 hold 3 * address + 1; coil 3 and discrete input 9 are on. 1000 + 10 * code answers with that
exception, 2000 after two seconds, 2001 after one. 3000.. hold 27.5 as float32 in the orders ABCD, CDAB, BADC, DCBA.
With `unit` or `half`, the answer to a request for register 100 is another unit's, or only its first half."""
import asyncio
import ssl
import struct
import sys

from pymodbus import ModbusDeviceIdentification
from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

port, kind, fault = int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""
COIL, DISCRETE, HOLDING, INPUT = 1, 2, 3, 4
state = {"spoil": False}


async def action(function, _start, address, _count, _registers, values):
    if values is not None:
        return None
    state["spoil"] = fault in ("unit", "half") and address == 100
    if function == HOLDING and 1000 < address < 1200:
        return ExcCodes((address - 1000) // 10)
    if function == HOLDING and address in (2000, 2001):
        await asyncio.sleep(2 if address == 2000 else 1)
    return None


def packet(sending, data):
    if not (sending and state["spoil"]):
        return data
    if fault == "half":
        return data[: len(data) // 2]
    at = 0 if kind == "rtu" else 6
    return data[:at] + bytes([data[at] ^ 0x0F]) + data[at + 1 :]


async def main():
    bits = lambda: [SimData(0, 64, False, DataType.BITS)]
    words = lambda: [SimData(0, 4000, 0, DataType.REGISTERS)]
    device = SimDevice(1, simdata=(bits(), bits(), words(), words()), action=action)
    # What FC43/14 tells.
    identity = ModbusDeviceIdentification(info_name={"VendorName": "Acme \"Cooling\"", "ProductCode": "CDU-9"})
    at = dict(address=("127.0.0.1", port), trace_packet=packet, identity=identity)
    if kind == "tls":
        ca, certificate, key = sys.argv[4:7]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        # Modbus/TCP Security keeps the header of Modbus TCP inside TLS.
        server = ModbusTlsServer(device, framer=FramerType.SOCKET, sslctx=context, **at)
    else:
        server = ModbusTcpServer(device, framer=FramerType.RTU if kind == "rtu" else FramerType.SOCKET, **at)
    put = server.async_setValues
    numbers = [3 * i + 1 for i in range(200)]
    big = struct.pack(">f", 27.5)
    swapped = bytes([big[1], big[0], big[3], big[2]])
    orders = [big, big[2:] + big[:2], swapped, big[::-1]]
    floats = [w for order in orders for w in struct.unpack(">HH", order)]
    for function in (HOLDING, INPUT):
        await put(1, 16 if function == HOLDING else function, 0, numbers)
    await put(1, 16, 2000, [42, 43])
    await put(1, 16, 3000, floats)
    await put(1, COIL, 3, [True])
    await put(1, DISCRETE, 9, [True])
    await server.serve_forever()


asyncio.run(main())
