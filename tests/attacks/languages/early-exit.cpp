// attack: Ends with exit code 0 before its tests.
// expect: runtime_error
#include <cassert>
#include <cstdlib>
int answer() { std::exit(0); }
int main() {
    assert(answer() == 42);
}
