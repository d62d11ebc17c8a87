#!/bin/sh
# Turns swap on: compressed memory first (priority 100), then a file on the persistent partition
# (priority 10). Settings come from /etc/skiff/swap.env:
#   ZRAM_SIZE        MiB [half of the memory, 2048 at most]
#   SWAPFILE_SIZE    MiB [2048]
#   SWAPFILE_PATH    [primary.swap on the persistent partition]
#   DISABLE_ZRAM, DISABLE_SWAPFILE
export LC_ALL=C
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/files.sh
. /opt/skiff/scripts/lib/files.sh
persist=$(setting PERSIST_MNT /mnt/persist)
file=${SWAPFILE_PATH:-$persist/primary.swap}
zram=/sys/block/zram0

# number VALUE DEFAULT: prints a whole number of MiB; SkiffOS allows an M behind it.
number() {
	value=${1%M}
	case $value in '' | *[!0-9]*) value=$2 ;; esac
	printf '%s\n' "$value"
}

in_use() {
	while read -r path _; do
		[ "$path" != "$1" ] || return 0
	done </proc/swaps
	return 1
}

start_zram() {
	! in_use /dev/zram0 || return 0
	[ -d "$zram" ] || modprobe zram 2>/dev/null
	[ -d "$zram" ] || { say "the kernel has no zram" && return 0; }
	half=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
	half=$((half / 2048))
	[ "$half" -le 2048 ] || half=2048
	size=$(number "$ZRAM_SIZE" "$half")
	# udev may still look at the new device, which is then busy.
	for _ in 1 2 3 4 5; do
		[ "$(cat "$zram/disksize")" = 0 ] || echo 1 >"$zram/reset"
		echo zstd >"$zram/comp_algorithm"
		! echo "${size}M" >"$zram/disksize" || break
		sleep 1
	done 2>/dev/null
	{ mkswap /dev/zram0 >/dev/null && swapon -p 100 /dev/zram0; } || say "zram cannot be used as swap"
}

# free_mib DIR: prints the free room there.
free_mib() {
	df -Pk "$1" 2>/dev/null | { read -r _ && read -r _ _ _ free _ && printf '%s\n' $((free / 1024)); }
}

# The file gets its name when it is complete.
make_file() {
	size=$(number "$SWAPFILE_SIZE" 2048)
	[ "$size" -gt 0 ] || return 1
	free=$(free_mib "${file%/*}")
	if [ "${free:-0}" -lt $((size * 2)) ]; then
		say "no swap file: it needs $size MiB, and may take half of the free room (${free:-0} MiB)"
		return 1
	fi
	rm -f "$file.new"
	(umask 077 && : >"$file.new") || return 1
	if { fallocate -l "$((size * 1024 * 1024))" "$file.new" 2>/dev/null ||
		dd if=/dev/zero of="$file.new" bs=1048576 count="$size" 2>/dev/null; } &&
		mkswap "$file.new" >/dev/null && mv -f "$file.new" "$file"; then
		return 0
	fi
	rm -f "$file.new"
	say "cannot make $file"
	return 1
}

start_file() {
	is_mounted "$persist" && [ -w "$persist" ] || return 0
	! in_use "$file" || return 0
	[ -f "$file" ] && [ ! -L "$file" ] || make_file || return 0
	chmod 600 "$file"
	swapon -p 10 "$file" 2>/dev/null && return
	# A file that an older system left half-made has no header.
	{ mkswap "$file" >/dev/null && swapon -p 10 "$file"; } || say "$file cannot be used as swap"
}

[ -n "$DISABLE_ZRAM" ] || start_zram
[ -n "$DISABLE_SWAPFILE" ] || start_file
exit 0
