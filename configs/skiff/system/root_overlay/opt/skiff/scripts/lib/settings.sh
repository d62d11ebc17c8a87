# shellcheck shell=sh
# Settings on the persistent partition: its directories, network connections, files for /etc.

# Makes the directories that a person looks for, and explains them.
make_tree() {
	[ "$PERSIST_STATE" != read-only ] || return 0
	for dir in "$PERSIST_ROOT/internal" "$SKIFF_PERSIST" "$KEYS_PERSIST" "$SSH_PERSIST" "$JOURNAL_PERSIST" \
		"$SKIFF_PERSIST/connections" "$SKIFF_PERSIST/etc" "$SKIFF_OVERLAYS"; do
		[ -d "$dir" ] || mkdir -p "$dir" || say "cannot make $dir"
	done
	# They hold private keys and passwords.
	set --
	for dir in "$SSH_PERSIST" "$SKIFF_PERSIST/connections" "$SKIFF_OVERLAYS"; do
		! is_dir "$dir" || set -- "$@" "$dir"
	done
	[ $# = 0 ] || chmod 700 "$@"
	[ "$PERSIST_STATE" != writable ] || [ -e "$SKIFF_PERSIST/readme" ] || readme | put "$SKIFF_PERSIST/readme" 644
}

readme() {
	cat <<-'END'
		keys/*.pub      public ssh keys that log in as root
		hostname        the name of this machine
		connections/    connections of NetworkManager, such as Wi-Fi networks
		etc/            files that are copied over /etc at each start
		ssh/            host keys and settings of the ssh server
		journal/        the system's log
		machine-id      the identity of this machine
	END
}

# Tells other programs where things are. systemd reads the file as the environment of
# skiff-swap.service.
write_env() {
	put /etc/skiff/env 644 <<-END || say "cannot write /etc/skiff/env"
		PERSIST_MNT=$PERSIST_MNT
		PERSIST_STATE=$PERSIST_STATE
		SKIFF_PERSIST=$SKIFF_PERSIST
		SKIFF_OVERLAYS=$SKIFF_OVERLAYS
		KEYS_PERSIST=$KEYS_PERSIST
		SSH_PERSIST=$SSH_PERSIST
		JOURNAL_PERSIST=$JOURNAL_PERSIST
		BOOT_DEVICE=$BOOT_DEVICE
		BOOT_MNT=$BOOT_MNT
		ROOTFS_DEVICE=$ROOTFS_DEVICE
		ROOTFS_MNT=$ROOTFS_MNT
	END
}

CONNECTIONS=/etc/NetworkManager/system-connections

# NetworkManager ignores connections that others can read, or that root does not own.
protect_connections() {
	find "$1" -type f \( ! -perm 600 -o ! -user 0 \) -exec chown 0:0 {} \; -exec chmod 600 {} \; 2>/dev/null
}

# Lays skiff/connections over the connections of the image. New connections are stored there.
mount_connections() {
	own=$SKIFF_PERSIST/connections
	mkdir -p "$CONNECTIONS"
	# Before the overlay: a change in it would copy the image's connections to the partition for ever.
	protect_connections "$CONNECTIONS"
	if ! is_mounted "$CONNECTIONS" && is_dir "$own"; then
		case $PERSIST_STATE in
		writable)
			protect_connections "$own"
			work=$SKIFF_OVERLAYS/nm_connections
			if mkdir -p "$work" && mount -t overlay -o "lowerdir=$CONNECTIONS,upperdir=$own,workdir=$work" \
				connections "$CONNECTIONS" 2>/dev/null; then
				:
			elif mount --bind "$own" "$CONNECTIONS"; then
				say "overlays do not work: connections of the image are hidden by those in $own"
			else
				say "$own is not used"
			fi
			;;
		read-only) find "$own" -type f -exec cp {} "$CONNECTIONS/" \; ;;
		esac
	fi
	chmod 700 "$CONNECTIONS"
	protect_connections "$CONNECTIONS"
}

# Copies skiff/etc over /etc, with owners and modes. Nothing in /etc is removed.
copy_etc() {
	own=$SKIFF_PERSIST/etc
	[ "$PERSIST_STATE" != memory ] && is_dir "$own" || return 0
	# One by one, because /etc itself keeps its owner and mode.
	for entry in "$own"/* "$own"/.[!.]* "$own"/..?*; do
		[ -e "$entry" ] || [ -L "$entry" ] || continue
		[ "${entry##*/}" != readme ] || continue
		cp -a "$entry" /etc/ || say "cannot copy all of $entry to /etc"
	done
	# reload_units reads it.
	[ ! -d "$own/systemd" ] || export UNITS_COPIED=yes
}
