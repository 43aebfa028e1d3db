// attack: Writes and removes outside its scratch folders, and reads the worker's memory; fails its own test if it can.
// expect: passed
const assert = require('node:assert');
const fs = require('node:fs');
for (const path of ['/etc/left', '/opt/languages/left']) assert.throws(() => fs.writeFileSync(path, 'left'));
assert.throws(() => fs.unlinkSync('/usr/bin/node'));
assert.throws(() => fs.openSync('/proc/1/mem', 'r'));
