<?php
// attack: Leaves files and a process for the next program, which fails its own test if it finds them.
// expect: passed
foreach (['/tmp/left', '/dev/shm/left'] as $path) {
    if (file_exists($path)) { throw new Exception("found"); }
    file_put_contents($path, 'left');
}
exec('setsid sleep 1000 > /dev/null 2>&1 &');
