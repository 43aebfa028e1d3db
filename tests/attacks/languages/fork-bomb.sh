# attack: Starts processes until none can be started, and waits in each.
# expect: passed or runtime_error or timeout or memory or wrong_answer
:() { : | : & }
: 2>/dev/null
wait
