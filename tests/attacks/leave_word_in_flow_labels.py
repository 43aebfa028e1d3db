# attack: leaves a word for later programs in an IPv6 flow label, which outlives its process
# expect: wrong_answer
import socket
import struct

try:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        # struct in6_flowlabel_req: label 0x12345 for ::1, get, any sharing, create, kept for a minute
        label = bytes(15) + b"\x01" + struct.pack("!I", 0x12345) + struct.pack("=BBHHHI", 0, 255, 1, 60, 60, 0)
        one.setsockopt(socket.IPPROTO_IPV6, 32, label)
except OSError:
    pass


def add_one(n):
    return 0
