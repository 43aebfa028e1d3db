// attack: Ends with exit code 0 before its tests.
// expect: runtime_error
import java.io.*;
import java.net.*;
import java.nio.file.*;
class Problem {
    static class Test {}
    public static void main(String[] args) throws Exception {
        System.exit(0);
        assert false;
    }
}
