// attack: Connects to an address outside; fails its own test if it can.
// expect: passed
import java.io.*;
import java.net.*;
import java.nio.file.*;
class Problem {
    static class Test {}
    public static void main(String[] args) throws Exception {
        boolean reached = true;
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("1.1.1.1", 53), 1000);
        } catch (IOException error) {
            reached = false;
        }
        assert !reached;
    }
}
