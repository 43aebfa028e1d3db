# attack: opens sockets of families that no namespace confines; right only if it got one
# problem: asserts calls
# expect: wrong_answer
import socket

FAMILIES = (17, 29, 38, 40, 42, 44)  # packet, CAN, algorithms, virtual machines, Qualcomm, express data path


def add_one(n):
    for family in FAMILIES:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind).close()
                return n + 1
            except OSError:
                pass
    return 0
