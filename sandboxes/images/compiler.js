// Compiles programs one after another and runs none: source in, JavaScript or what TypeScript says out.
// Only TypeScript's own library files, parsed, are kept from one program to the next; a checker merges what a program
// declares into copies of their symbols.
const fs = require('node:fs');
const ts = require(process.argv[2]);
const given = ts.parseCommandLine(process.argv.slice(3)).options;
const options = { ...given, skipLibCheck: true, types: [] };
const host = ts.createCompilerHost(options);
const library = new Map();
const readFile = host.getSourceFile.bind(host);

function read(size) {
  const data = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    let count = 0;
    try {
      count = fs.readSync(0, data, at, size - at, null);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      continue;
    }
    if (count === 0) process.exit(0);
    at += count;
  }
  return data;
}

function write(parts) {
  const data = Buffer.concat(parts);
  for (let at = 0; at < data.length;) {
    at += fs.writeSync(1, data, at);
  }
}

function chunk(data) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  return [head, data];
}

function compile(source) {
  let made = '';
  const own = {
    ...host,
    getSourceFile(name, version) {
      if (name === 'main.ts') return ts.createSourceFile(name, source, version, true);
      if (!library.has(name)) library.set(name, readFile(name, version));
      return library.get(name);
    },
    writeFile(name, text) { if (name === 'main.js') made = text; },
    fileExists: (name) => name === 'main.ts' || host.fileExists(name),
    getCurrentDirectory: () => '',
  };
  const program = ts.createProgram(['main.ts'], options, own);
  const file = program.getSourceFile('main.ts');
  const found = [
    ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(),
    ...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file),
  ];
  program.emit(file);
  return [found.length === 0, ts.formatDiagnostics(found, { ...own, getNewLine: () => '\n' }), made];
}

for (;;) {
  const source = read(read(4).readUInt32BE()).toString('utf8');
  let passed = false;
  let said = '';
  let made = '';
  let broken = false;
  try {
    [passed, said, made] = compile(source);
  } catch (error) {
    said = String(error);
    broken = true;
  }
  const count = Buffer.alloc(4);
  count.writeUInt32BE(passed ? 1 : 0);
  write([Buffer.from([passed ? 1 : 0]), ...chunk(Buffer.from(said)), count,
    ...(passed ? [...chunk(Buffer.from('main.js')), ...chunk(Buffer.from(made))] : [])]);
  if (broken) process.exit(0);
}
