// attack: Starts processes until none can be started, and waits in each.
// expect: passed or runtime_error or timeout or memory or wrong_answer
import java.io.*;
import java.net.*;
import java.nio.file.*;
class Problem {
    static class Test {}
    public static void main(String[] args) throws Exception {
        try {
            for (int count = 0; count < 100000; count++) new ProcessBuilder("sleep", "1000").start();
        } catch (IOException error) {
        }
    }
}
