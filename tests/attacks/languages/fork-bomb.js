// attack: Starts processes until none can be started, and waits in each.
// expect: passed or runtime_error or timeout or memory or wrong_answer
const { spawn } = require('node:child_process');
for (let count = 0; count < 2000; count++) spawn('sleep', ['1000']).on('error', () => process.exit(1));
