// attack: Leaves files and a process for the next program, which fails its own test if it finds them.
// expect: passed
#include <cassert>
#include <cstdio>
#include <unistd.h>
int main() {
    const char* paths[] = {"/tmp/left", "/dev/shm/left"};
    for (const char* path : paths) {
        assert(std::fopen(path, "r") == nullptr);
        std::FILE* file = std::fopen(path, "w");
        assert(file != nullptr);
        std::fclose(file);
    }
    if (fork() == 0) { setsid(); sleep(1000); _exit(0); }
}
