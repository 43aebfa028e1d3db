<?php
// attack: Ends with exit code 0 before its tests.
// expect: runtime_error
exit(0);
throw new Exception("not reached");
