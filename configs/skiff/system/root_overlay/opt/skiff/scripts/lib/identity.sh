# shellcheck shell=sh
# What makes this machine the same one after a restart: host name, machine id, journal, ssh host
# keys.

is_hostname() {
	case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9.-]*) return 1 ;; esac
	[ ${#1} -le 64 ]
}

# Sets the name in skiff/hostname. Without that file, writes the present name into it.
set_hostname() {
	file=$SKIFF_PERSIST/hostname
	name=$(first_line "$file")
	present=$(first_line /etc/hostname)
	if [ -z "$name" ]; then
		is_hostname "$present" || present=skiff
		[ "$PERSIST_STATE" != writable ] || [ -d "$file" ] || printf '%s\n' "$present" | put "$file" 644 ||
			say "cannot write $file"
		name=$present
	elif ! is_hostname "$name"; then
		say "$file is ignored: a host name is 1 to 64 letters, digits, - and ., and starts with a letter or digit"
		return 0
	fi
	[ "$name" = "$present" ] || printf '%s\n' "$name" | put /etc/hostname 644
	own_address=$(printf '127.0.1.1\t%s' "$name")
	grep -qxF "$own_address" /etc/hosts 2>/dev/null ||
		{ grep -Ev '^127\.0\.1\.1[[:space:]]' /etc/hosts 2>/dev/null; printf '%s\n' "$own_address"; } | put /etc/hosts 644
	[ "$(hostname)" = "$name" ] || hostname "$name" || say "cannot set the host name"
}

is_machine_id() {
	case $1 in *[!0-9a-f]* | 00000000000000000000000000000000) return 1 ;; esac
	[ ${#1} -eq 32 ]
}

# The initramfs of skiff has set the id before systemd started. Other boot paths end here: the id is
# right for all programs that start from now on, and the journal is told.
set_machine_id() {
	under_systemd || return 0
	file=$SKIFF_PERSIST/machine-id
	kept=$(first_line "$file")
	present=$(first_line /etc/machine-id)
	if is_machine_id "$kept"; then
		[ "$kept" != "$present" ] || return 0
		# systemd mounts a file over an /etc that it cannot write.
		! is_mounted /etc/machine-id || umount /etc/machine-id
		printf '%s\n' "$kept" | put /etc/machine-id 444 || return 0
		say "the machine id was set after systemd started; this start used another one until now"
		systemctl --no-block try-restart systemd-journald.service
	elif [ "$PERSIST_STATE" = writable ] && is_machine_id "$present"; then
		printf '%s\n' "$present" | put "$file" 444 || say "cannot write $file"
	fi
}

# Keeps the journal on the persistent partition. Without one, journald writes to /run, which it
# limits.
mount_journal() {
	! is_mounted /var/log/journal || return 0
	if [ "$PERSIST_STATE" != writable ] || [ -e /etc/skip-skiff-journal-mounts ]; then
		rmdir /var/log/journal 2>/dev/null
		return 0
	fi
	is_dir "$JOURNAL_PERSIST" && mkdir -p /var/log/journal || return 0
	mount --bind "$JOURNAL_PERSIST" /var/log/journal || say "cannot mount $JOURNAL_PERSIST"
	chmod 2755 /var/log/journal
	! grep -q '^systemd-journal:' /etc/group || chgrp systemd-journal /var/log/journal
}

# Copies skiff/ssh over /etc/ssh. ssh-keys.sh makes what is missing, and undoes settings that sshd
# refuses.
restore_ssh() {
	is_dir "$SSH_PERSIST" || return 0
	mkdir -p /etc/ssh
	# The image's own settings are the way back.
	[ ! -e "$SSH_PERSIST/sshd_config" ] || [ -e /run/skiff/sshd_config ] ||
		cp /etc/ssh/sshd_config /run/skiff/sshd_config 2>/dev/null
	copy_files 600 /etc/ssh "$SSH_PERSIST"/ssh_host_*_key
	set --
	for file in "$SSH_PERSIST"/*; do
		case ${file##*/} in ssh_host_*_key | *.skiff-new) ;; *) set -- "$@" "$file" ;; esac
	done
	copy_files 644 /etc/ssh "$@"
	is_dir "$SSH_PERSIST/sshd_config.d" || return 0
	mkdir -p /etc/ssh/sshd_config.d
	copy_files 644 /etc/ssh/sshd_config.d "$SSH_PERSIST"/sshd_config.d/*.conf
}

# copy_files MODE DIR FILE…: copies those that are files with contents, and not links.
copy_files() {
	mode=$1
	dir=$2
	shift 2
	for file; do
		shift
		if [ -f "$file" ] && [ ! -L "$file" ] && [ -s "$file" ]; then set -- "$@" "$file"; fi
	done
	[ $# = 0 ] && return
	cp "$@" "$dir/" || say "cannot copy all of $* to $dir"
	for file; do
		shift
		set -- "$@" "$dir/${file##*/}"
	done
	chmod "$mode" "$@"
}
