# shellcheck shell=sh
# Grows the persistent partition and its file system to the end of the medium.

# Sectors of 512 bytes, as sysfs counts them. Less free room than this is not worth a change.
GROW_MIN=16384

# persist_block: prints the name in sysfs of the block device that is mounted as the persistent
# partition.
persist_block() {
	numbers=$(mounted "$PERSIST_MNT") || return 1
	numbers=${numbers%% *}
	link=$(readlink -f "${SYSFS:-/sys}/dev/block/$numbers") && [ -e "$link/dev" ] || return 1
	printf '%s\n' "${link##*/}"
}

grow_persist() {
	[ -z "$DISABLE_RESIZE_PERSIST" ] || return 0
	block=$(persist_block) || return 0
	[ -n "$DISABLE_RESIZE_PARTITION" ] || grow_partition "$block"
	grow_file_system "/dev/$block"
}

# free_after DISK NAME: prints the sectors between the end of a partition and the end of its disk.
# Fails if another partition begins behind it.
free_after() {
	{ read -r begin <"$1/$2/start" && read -r size <"$1/$2/size" && read -r total <"$1/size"; } || return 1
	for other in "$1"/*/start; do
		read -r start <"$other" && [ "$start" -le "$begin" ] || return 1
	done
	printf '%s\n' $((total - begin - size))
}

# grow_partition NAME: does nothing unless the partition is the last one of its disk, and room
# follows it.
grow_partition() {
	partition=$(readlink -f "${SYSFS:-/sys}/class/block/$1")
	[ -f "$partition/partition" ] || return 0
	read -r number <"$partition/partition"
	disk=${partition%/*}
	free=$(free_after "$disk" "$1") || return 0
	# The second table of a GPT takes 33 sectors at the end.
	[ "$free" -ge "$GROW_MIN" ] || return 0
	device=/dev/${disk##*/}
	if ! command -v sfdisk >/dev/null || ! command -v partx >/dev/null; then
		say "/dev/$1 cannot grow: sfdisk or partx is missing"
		return 0
	fi
	case $(blkid -p -s PTTYPE -o value "$device" 2>/dev/null) in
	gpt)
		# On a medium that is larger than the image, the second table is not at the end yet.
		sfdisk --no-reread --no-tell-kernel --relocate gpt-bak-std "$device" >/dev/null 2>&1 || return 0
		;;
	dos)
		# A logical partition ends in an extended one, which would have to grow first.
		[ "$number" -le 4 ] || return 0
		;;
	*) return 0 ;;
	esac
	if echo ',+' | sfdisk --no-reread --no-tell-kernel --force -N "$number" "$device" >/run/skiff/grow.log 2>&1 &&
		partx --update --nr "$number" "$device" >>/run/skiff/grow.log 2>&1; then
		say "/dev/$1 has grown to the end of $device"
	else
		say "/dev/$1 cannot grow: see /run/skiff/grow.log"
	fi
}

# Runs at each start: the power may have failed between the partition and its file system.
grow_file_system() {
	case $(blkid -s TYPE -o value "$1" 2>/dev/null) in
	ext2 | ext3 | ext4) ;;
	*) return 0 ;;
	esac
	if ! command -v resize2fs >/dev/null; then
		say "the file system on $1 cannot grow: resize2fs is missing"
	elif ! resize2fs "$1" >/run/skiff/resize.log 2>&1; then
		say "the file system on $1 cannot grow: see /run/skiff/resize.log"
	fi
}
