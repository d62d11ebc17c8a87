# shellcheck shell=sh
# Messages, words of the kernel's command line, and files that are replaced atomically.

say() {
	printf 'skiff: %s\n' "$*"
}

# argument NAME: prints the value of NAME=VALUE on the kernel's command line, the last one if
# there are several.
argument() {
	tr ' ' '\n' </proc/cmdline 2>/dev/null | sed -n "s/^$1=//p" | tail -n 1
}

# setting NAME DEFAULT: prints what mount-all.sh has written for other programs.
setting() {
	value=$(sed -n "s/^$1=//p" /etc/skiff/env 2>/dev/null | head -n 1)
	printf '%s\n' "${value:-$2}"
}

# put FILE MODE: replaces FILE by the standard input. After a power cut, FILE has its old or its new
# contents. Fails without a change if the medium is full or read-only, or if FILE is a directory.
put() {
	[ ! -d "$1" ] || return 1
	rm -f "$1.skiff-new" 2>/dev/null
	# Without noclobber, a link that appears now would be followed.
	if (set -C && umask 077 && cat >"$1.skiff-new") 2>/dev/null &&
		chmod "$2" "$1.skiff-new" && { sync "$1.skiff-new" 2>/dev/null || sync; } &&
		mv -f "$1.skiff-new" "$1" 2>/dev/null; then
		return 0
	fi
	rm -f "$1.skiff-new" 2>/dev/null
	return 1
}

# first_line FILE: prints its first line without spaces at the ends. A file is read up to 1 KiB.
first_line() {
	[ -f "$1" ] || return 0
	head -c 1024 "$1" 2>/dev/null | tr -d '\000\r' | head -n 1 | sed 's/^[[:space:]]*//; s/[[:space:]]*$//'
}

# mounted PLACE: prints the device numbers and the options of the topmost mount there. Fails if
# nothing is mounted there. Not every Busybox has mountpoint.
mounted() {
	# The kernel writes a space as \040.
	wanted=$(printf '%s' "$1" | sed 's/ /\\040/g')
	while read -r _ _ numbers _ place options _; do
		[ "$place" != "$wanted" ] || printf '%s %s\n' "$numbers" "$options"
	done </proc/self/mountinfo | tail -n 1 | grep .
}

is_mounted() {
	mounted "$1" >/dev/null
}

# is_dir PATH: a directory that is not a link, because links on a persistent partition can lead
# anywhere.
is_dir() {
	[ -d "$1" ] && [ ! -L "$1" ]
}
