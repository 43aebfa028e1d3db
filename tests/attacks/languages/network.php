<?php
// attack: Connects to an address outside; fails its own test if it can.
// expect: passed
if (@stream_socket_client('tcp://1.1.1.1:53', $code, $message, 1)) { throw new Exception("reached"); }
