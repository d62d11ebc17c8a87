# shellcheck shell=sh
# Messages, words of the kernel's command line, and files that are replaced atomically.

carriage_return=$(printf '\r')

say() {
	printf 'skiff: %s\n' "$*"
}

# argument NAME: prints the value of NAME=VALUE on the kernel's command line, the last one if there
# are several. Programs take long to start on small machines, so the shell itself reads such files.
argument() {
	read -r words </proc/cmdline
	found=
	set -f
	for word in $words; do
		case $word in "$1"=*) found=${word#*=} ;; esac
	done
	set +f
	printf '%s\n' "$found"
}

# setting NAME DEFAULT: prints what mount-all.sh has written for other programs.
setting() {
	value=$(sed -n "s/^$1=//p" /etc/skiff/env 2>/dev/null | head -n 1)
	printf '%s\n' "${value:-$2}"
}

# put FILE MODE: replaces FILE by the standard input; MODE is 644, 600 or 444. After a power cut,
# FILE has its old or its new contents. Fails without a change if the medium is full or read-only, or
# if FILE is a directory.
put() {
	[ ! -d "$1" ] || return 1
	if [ -e "$1.skiff-new" ] || [ -L "$1.skiff-new" ]; then rm -f "$1.skiff-new"; fi
	case $2 in 600) mask=077 ;; 444) mask=222 ;; *) mask=022 ;; esac
	# Without noclobber, a link that appears now would be followed.
	if (set -C && umask "$mask" && cat >"$1.skiff-new") 2>/dev/null && flush "$1.skiff-new" &&
		mv -f "$1.skiff-new" "$1" 2>/dev/null; then
		return 0
	fi
	rm -f "$1.skiff-new" 2>/dev/null
	return 1
}

# flush FILE: waits until it is on the medium. Files outside of /mnt are in memory.
flush() {
	case $1 in /mnt/*) sync "$1" 2>/dev/null || sync ;; esac
}

# first_line FILE: prints its first line without spaces at the ends. A file is read up to 1 KiB.
first_line() {
	[ -f "$1" ] || return 0
	head -c 1024 "$1" 2>/dev/null | {
		read -r line
		printf '%s\n' "${line%"$carriage_return"}"
	} | {
		read -r line
		printf '%s\n' "$line"
	}
}

# mounted PLACE: prints the device numbers and the options of the topmost mount there. Fails if
# nothing is mounted there. Not every Busybox has mountpoint.
mounted() {
	wanted=$1
	# The kernel writes a space as \040.
	case $1 in *' '*) wanted=$(printf '%s' "$1" | sed 's/ /\\040/g') ;; esac
	found=
	while read -r _ _ numbers _ place options _; do
		[ "$place" != "$wanted" ] || found="$numbers $options"
	done </proc/self/mountinfo
	[ -n "$found" ] && printf '%s\n' "$found"
}

is_mounted() {
	mounted "$1" >/dev/null
}

# is_dir PATH: a directory that is not a link, because links on a persistent partition can lead
# anywhere.
is_dir() {
	[ -d "$1" ] && [ ! -L "$1" ]
}
