// attack: Connects to an address outside; fails its own test if it can.
// expect: passed
#include <arpa/inet.h>
#include <cassert>
#include <cstdio>
#include <sys/socket.h>
int main() {
    int handle = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    inet_pton(AF_INET, "1.1.1.1", &address.sin_addr);
    assert(handle < 0 || connect(handle, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0);
}
