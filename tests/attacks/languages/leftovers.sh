# attack: Leaves files and a process for the next program, which fails its own test if it finds them.
# expect: passed
set -e
for path in /tmp/left /dev/shm/left; do
    [[ ! -e $path ]]
    echo left > "$path"
done
setsid sleep 1000 > /dev/null 2>&1 &
