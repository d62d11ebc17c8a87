# shellcheck shell=sh
# Functions for the initramfs. systemd reads /etc/machine-id before it starts anything, and draws
# a new id if the file is empty. Then the journal of each start has another directory, and DHCP
# servers see another machine. So the id comes from the persistent partition before pid 1 is
# systemd. Needs: POSIX shell or Busybox, /proc, /dev, find-device, and the module of the file
# system.

is_machine_id() {
	case $1 in *[!0-9a-f]* | 00000000000000000000000000000000) return 1 ;; esac
	[ ${#1} -eq 32 ]
}

# first_word FILE: prints the first word of a file, which is read up to 64 bytes.
first_word() {
	[ -f "$1" ] || return 0
	head -c 64 "$1" 2>/dev/null | tr -d '\000\r' | sed -n '1s/^[[:space:]]*\([^[:space:]]*\).*/\1/p'
}

# persist_device WORD: prints the device of a word as soon as it is there, for two seconds at most.
persist_device() {
	tries=20
	until device=$(find-device "$1" 2>/dev/null) && [ -b "$device" ]; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
	printf '%s\n' "$device"
}

# save_machine_id DIR ID: keeps the id in DIR/skiff. After a power cut, the file is whole or absent.
save_machine_id() {
	[ ! -d "$1/skiff/machine-id" ] && mkdir -p "$1/skiff" || return 1
	rm -f "$1/skiff/machine-id.new"
	printf '%s\n' "$2" 2>/dev/null >"$1/skiff/machine-id.new" && sync &&
		mv -f "$1/skiff/machine-id.new" "$1/skiff/machine-id" && sync && return 0
	rm -f "$1/skiff/machine-id.new"
	return 1
}

# kept_machine_id DIR: prints the id that a mounted persistent partition has, or gets now. A
# partition that cannot be written yields no id.
kept_machine_id() {
	id=$(first_word "$1/skiff/machine-id")
	if ! is_machine_id "$id"; then
		id=$(tr -d '\n-' </proc/sys/kernel/random/uuid)
		mount -o remount,rw "$1" 2>/dev/null && save_machine_id "$1" "$id" 2>/dev/null || return 1
	fi
	printf '%s\n' "$id"
}

# restore_machine_id ROOT WORD: sets the machine id of the system below ROOT. WORD means the
# persistent partition (LABEL=persist); skiff.persist= on the kernel's command line overrides it.
# Without an id, the file stays empty, and systemd draws one for this start. Always succeeds.
restore_machine_id() {
	[ ! -s "$1/etc/machine-id" ] && [ ! -e "$1/etc/skip-skiff-mounts" ] || return 0
	word=$2
	# shellcheck disable=SC2013 # the words are wanted
	for argument in $(cat /proc/cmdline); do
		case $argument in skiff.persist=*) word=${argument#skiff.persist=} ;; esac
	done
	[ "$word" != none ] && device=$(persist_device "$word") || return 0
	place=/persist.machine-id
	mkdir -p "$place" && mount -o ro "$device" "$place" 2>/dev/null || return 0
	if id=$(kept_machine_id "$place"); then
		printf '%s\n' "$id" >"$1/etc/machine-id" && chmod 444 "$1/etc/machine-id"
	fi
	umount "$place" && rmdir "$place"
	return 0
}

# The initramfs reads this file when the system is at /new.
restore_machine_id "${SKIFF_ROOT:-/new}" LABEL=persist
