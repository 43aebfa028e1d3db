# attack: looks for any way out; raises when none is found
# expect: runtime_error
import socket


def add_one(n):
    for family, address in ((socket.AF_INET, ("192.0.2.1", 80)), (socket.AF_INET6, ("2001:db8::1", 80))):
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            client.connect(address)
    return n + 1
