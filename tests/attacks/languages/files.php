<?php
// attack: Writes and removes outside its scratch folders, and reads the worker's memory; fails its own test if it can.
// expect: passed
foreach (['/etc/left', '/opt/languages/left'] as $path) {
    if (@file_put_contents($path, 'left') !== false) { throw new Exception($path); }
}
if (@unlink('/usr/bin/php')) { throw new Exception("removed"); }
if (@fopen('/proc/1/mem', 'r')) { throw new Exception("read"); }
