// attack: Writes and removes outside its scratch folders, and reads the worker's memory; fails its own test if it can.
// expect: passed
#include <cassert>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>
int main() {
    assert(std::fopen("/etc/left", "w") == nullptr);
    assert(std::fopen("/opt/languages/left", "w") == nullptr);
    assert(unlink("/usr/bin/g++") != 0);
    assert(open("/proc/1/mem", O_RDONLY) < 0);
    assert(open("/proc/1/environ", O_RDONLY) < 0);
}
