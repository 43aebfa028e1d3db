<?php
// attack: Starts processes until none can be started, and waits in each.
// expect: passed or runtime_error or timeout or memory or wrong_answer
$held = [];
for ($count = 0; $count < 2000; $count++) {
    $child = @proc_open(['sleep', '1000'], [], $pipes);
    if ($child === false) { break; }
    $held[] = $child;
}
posix_kill(posix_getpid(), 9);
