"""Frames made by hand, for what no library would send: raw_server.py PORT tcp|rtu close|noise|echo|twice

Every register holds 7. The answer to a request for register 100 is cut in half and the connection closed (close), comes
after bytes of noise (noise), after our own request (echo, as some two-wire gateways do), or twice (twice)."""
import socket
import struct
import sys
import threading

port, kind, fault = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def crc(data):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0xA001 if byte & 1 else 0)
        table.append(byte)
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return struct.pack("<H", value)


def take(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def serve(stream):
    try:
        while True:
            request = take(stream, 8 if kind == "rtu" else 12)
            body = request[:-2] if kind == "rtu" else request[6:]
            unit, function, start, count = struct.unpack(">BBHH", body)
            pdu = struct.pack(">BBB", unit, function, 2 * count) + struct.pack(">H", 7) * count
            answer = pdu + crc(pdu) if kind == "rtu" else request[:4] + struct.pack(">H", len(pdu)) + pdu
            if start != 100:
                stream.sendall(answer)
            elif fault == "close":
                stream.sendall(answer[: len(answer) // 2])
                return
            elif fault == "noise":
                stream.sendall(b"\x00\xff\x55" + answer)
            elif fault == "echo":
                stream.sendall(request + answer)
            else:
                stream.sendall(answer + answer)
    except ConnectionError:
        pass
    finally:
        stream.close()


listener = socket.create_server(("127.0.0.1", port))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
