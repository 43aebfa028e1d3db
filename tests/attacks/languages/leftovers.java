// attack: Leaves files and a process for the next program, which fails its own test if it finds them.
// expect: passed
import java.io.*;
import java.net.*;
import java.nio.file.*;
class Problem {
    static class Test {}
    public static void main(String[] args) throws Exception {
        for (String path : new String[] {"/tmp/left", "/dev/shm/left"}) {
            assert !Files.exists(Path.of(path));
            Files.writeString(Path.of(path), "left");
        }
        new ProcessBuilder("setsid", "sleep", "1000").start();
    }
}
