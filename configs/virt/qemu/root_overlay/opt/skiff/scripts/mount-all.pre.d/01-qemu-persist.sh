# Ctrl-C in the terminal pulls the plug of this machine: what is written has to reach the disk soon.
PERSIST_OPTIONS=commit=1,nodelalloc
echo 50 >/proc/sys/vm/dirty_writeback_centisecs
echo 50 >/proc/sys/vm/dirty_expire_centisecs
