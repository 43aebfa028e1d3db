// attack: Starts processes until none can be started, and waits in each.
// expect: passed or runtime_error or timeout or memory or wrong_answer
#include <cstdio>
#include <unistd.h>
int main() {
    for (int count = 0; count < 100000; ++count) {
        int child = fork();
        if (child < 0) break;
        if (child == 0) for (;;) pause();
    }
}
