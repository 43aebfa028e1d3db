// Compiles programs one after another and runs none: source in, class files or what javac says out.
// Every program has a file manager of its own, and what it makes is kept in memory: nothing is left for the next.
import java.io.*;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.*;
import javax.tools.*;

class Compiler {
    static class Made extends SimpleJavaFileObject {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Made(String name, Kind kind) { super(URI.create("made:///" + name.replace('.', '/') + kind.extension), kind); }
        @Override public OutputStream openOutputStream() { return bytes; }
    }

    static class Source extends SimpleJavaFileObject {
        final String text;
        Source(String text) { super(URI.create("string:///Main.java"), Kind.SOURCE); this.text = text; }
        @Override public CharSequence getCharContent(boolean ignored) { return text; }
    }

    static class Memory extends ForwardingJavaFileManager<StandardJavaFileManager> {
        final Map<String, Made> made = new LinkedHashMap<>();
        Memory(StandardJavaFileManager standard) { super(standard); }
        @Override public JavaFileObject getJavaFileForOutput(
                Location place, String name, JavaFileObject.Kind kind, FileObject sibling) {
            Made file = new Made(name, kind);
            made.put(name.replace('.', '/') + kind.extension, file);
            return file;
        }
    }

    public static void main(String[] arguments) throws IOException {
        List<String> options = new ArrayList<>(List.of("-proc:none"));
        options.addAll(Arrays.asList(arguments));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            byte[] source;
            try {
                source = new byte[in.readInt()];
                in.readFully(source);
            } catch (EOFException end) {
                return;
            }
            boolean broken = false;
            StringWriter said = new StringWriter();
            Map<String, Made> made = Map.of();
            boolean passed = false;
            try (Memory files = new Memory(
                    compiler.getStandardFileManager(null, Locale.ROOT, StandardCharsets.UTF_8))) {
                passed = compiler.getTask(said, files, null, options, null,
                        List.of(new Source(new String(source, StandardCharsets.UTF_8)))).call();
                made = files.made;
            } catch (Throwable error) {
                said.write(error.toString());
                broken = true;
            }
            out.writeBoolean(passed);
            write(out, said.toString().getBytes(StandardCharsets.UTF_8));
            out.writeInt(passed ? made.size() : 0);
            for (Map.Entry<String, Made> file : passed ? made.entrySet() : Set.<Map.Entry<String, Made>>of()) {
                write(out, file.getKey().getBytes(StandardCharsets.UTF_8));
                write(out, file.getValue().bytes.toByteArray());
            }
            out.flush();
            if (broken) return;
        }
    }

    static void write(DataOutputStream out, byte[] data) throws IOException {
        out.writeInt(data.length);
        out.write(data);
    }
}
