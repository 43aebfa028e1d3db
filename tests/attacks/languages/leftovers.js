// attack: Leaves files and a process for the next program, which fails its own test if it finds them.
// expect: passed
const assert = require('node:assert');
const fs = require('node:fs');
for (const path of ['/tmp/left', '/dev/shm/left']) {
  assert(!fs.existsSync(path));
  fs.writeFileSync(path, 'left');
}
require('node:child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }).unref();
