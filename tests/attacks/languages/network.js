// attack: Connects to an address outside; fails its own test if it can.
// expect: passed
const net = require('node:net');
const socket = net.connect(53, '1.1.1.1', () => { process.exitCode = 1; socket.destroy(); });
socket.setTimeout(1000, () => socket.destroy());
socket.on('error', () => {});
