# attack: Writes and removes outside its scratch folders, and reads the worker's memory; fails its own test if it can.
# expect: passed
set -e
! (echo left > /etc/left) 2>/dev/null
! (echo left > /opt/languages/left) 2>/dev/null
! rm /usr/bin/env 2>/dev/null
! head -c 1 /proc/1/mem 2>/dev/null
