# attack: Connects to an address outside; fails its own test if it can.
# expect: passed
set -e
! (exec 3<>/dev/tcp/1.1.1.1/53) 2>/dev/null
