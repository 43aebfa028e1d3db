// attack: Writes and removes outside its scratch folders, and reads the worker's memory; fails its own test if it can.
// expect: passed
import java.io.*;
import java.net.*;
import java.nio.file.*;
class Problem {
    static class Test {}
    public static void main(String[] args) throws Exception {
        for (String path : new String[] {"/etc/left", "/opt/languages/left"}) {
            boolean written = true;
            try { Files.writeString(Path.of(path), "left"); } catch (IOException error) { written = false; }
            assert !written;
        }
        boolean read = true;
        try { Files.newInputStream(Path.of("/proc/1/mem")).close(); } catch (IOException error) { read = false; }
        assert !read;
    }
}
