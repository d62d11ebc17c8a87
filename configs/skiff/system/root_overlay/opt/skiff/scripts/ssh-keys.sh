#!/bin/sh
# Makes the ssh server's host keys that are missing, and keeps them on the persistent partition.
# Runs before the server starts. If sshd refuses the settings of the persistent partition, those
# of the image come back: otherwise an error in them would lock everybody out.
export LC_ALL=C
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/files.sh
. /opt/skiff/scripts/lib/files.sh
kept=$(setting SSH_PERSIST /mnt/persist/skiff/ssh)
persist=$(setting PERSIST_MNT /mnt/persist)

# RSA keys take minutes on small machines. One from an older system is still used.
for type in ed25519 ecdsa; do
	key=/etc/ssh/ssh_host_${type}_key
	if [ ! -s "$key" ] || ! ssh-keygen -y -P '' -f "$key" >/dev/null 2>&1; then
		[ ! -e "$key" ] || say "$key is damaged: a new one is made"
		rm -f "$key" "$key.pub"
		ssh-keygen -q -t "$type" -N '' -C "root@$(hostname)" -f "$key" || continue
	fi
	[ -s "$key.pub" ] || ssh-keygen -y -P '' -f "$key" | put "$key.pub" 644
	# In memory, the directory is as short-lived as the keys.
	is_mounted "$persist" || continue
	cmp -s "$key" "$kept/${key##*/}" ||
		{ put "$kept/${key##*/}" 600 <"$key" && put "$kept/${key##*/}.pub" 644 <"$key.pub"; } ||
		say "$key cannot be kept in $kept: it changes at the next start"
done

# Debian's sshd wants this directory, and its unit makes it.
mkdir -p /run/sshd
# check_sshd: prints what sshd says of its settings. A setting can have sshd read a pipe without end.
check_sshd() {
	timeout 20 "$(command -v sshd || echo /usr/sbin/sshd)" -t 2>&1
	code=$?
	[ $code -ne 124 ] && [ $code -ne 143 ] || echo "it does not end"
	return $code
}
if ! problem=$(check_sshd) && [ -e /run/skiff/sshd_config ]; then
	say "sshd refuses $kept/sshd_config, and uses the settings of the image: $problem"
	put /etc/ssh/sshd_config 644 </run/skiff/sshd_config
fi
if ! problem=$(check_sshd) && [ -d "$kept/sshd_config.d" ]; then
	say "sshd refuses settings in $kept/sshd_config.d, and ignores them: $problem"
	for file in "$kept"/sshd_config.d/*.conf; do
		rm -f "/etc/ssh/sshd_config.d/${file##*/}"
	done
fi
exit 0
