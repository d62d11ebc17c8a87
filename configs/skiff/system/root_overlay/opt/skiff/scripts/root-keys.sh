#!/bin/sh
# Writes root's authorized_keys: the file of the image, then *.pub of the image
# (/etc/skiff/authorized_keys) and of the persistent partition (skiff/keys) in the order of their
# names. A file of the persistent partition replaces the image's file of the same name.
export LC_ALL=C
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/files.sh
. /opt/skiff/scripts/lib/files.sh
keys=${KEYS_PERSIST:-$(setting KEYS_PERSIST /mnt/persist/skiff/keys)}
authorized=/root/.ssh/authorized_keys
gathered=/run/skiff/keys
stash=/run/skiff/authorized_keys

mkdir -p /root/.ssh /run/skiff
chmod 700 /root/.ssh
# The first run of a start still sees the file of the image.
[ -e "$stash" ] || { [ ! -f "$authorized" ] || cat "$authorized"; } | put "$stash" 600

rm -rf "$gathered"
(umask 077 && mkdir "$gathered") || exit 1
count=0 bytes=0
for dir in /etc/skiff/authorized_keys "$keys"; do
	for file in "$dir"/*.pub; do
		# Other kinds of files, such as a pipe, would block. A key has a few hundred bytes.
		[ -f "$file" ] || continue
		head -c 65536 "$file" >"$gathered/${file##*/}"
		count=$((count + 1)) bytes=$((bytes + $(wc -c <"$gathered/${file##*/}")))
		# They are gathered in memory.
		if [ $count -ge 1000 ] || [ $bytes -ge 1048576 ]; then
			say "there are too many keys: those after $file are ignored"
			break 2
		fi
	done
done
for file in "$stash" "$gathered"/*.pub; do
	[ -s "$file" ] || continue
	# A file without a line end must not join the next one.
	tr -d '\000\r' <"$file"
	echo
done | sed '/^[[:space:]]*$/d' | put "$authorized" 600 || say "cannot write $authorized"
rm -rf "$gathered"
[ -s "$authorized" ] || say "no ssh key is allowed to log in: put one (*.pub) into $keys"
