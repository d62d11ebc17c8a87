# shellcheck shell=bash disable=SC2016 # other shells expand the texts
# One function for each behaviour. Each runs in namespaces of its own (see `run`).

test_the_first_start_makes_the_tree_of_skiffos() {
	make_persist
	start
	for dir in internal skiff/keys skiff/ssh skiff/journal skiff/connections skiff/etc skiff-overlays; do
		check "$dir" [ -d "$P/$dir" ]
	done
	same "host name is written" box "$(cat "$P/skiff/hostname")"
	same "private directories" "700 700" "$(mode "$P/skiff/ssh") $(mode "$P/skiff/connections")"
	same "state" PERSIST_STATE=writable "$(grep STATE "$ROOT/etc/skiff/env")"
	said "no ssh key is allowed to log in"
	check "no file is left over" [ -z "$(find "$ROOT/etc" "$ROOT/root" "$P" -name '*.skiff-new')" ]
	check "nothing else is said" [ "$(grep -c . "$WORK/said")" = 1 ]
}

test_without_the_partition_the_system_starts_and_says_so() {
	DEVICE=LABEL=no-such-label-here
	restart
	before=$(date +%s)
	start
	check "the wait is bounded" [ $(($(date +%s) - before)) -lt 15 ]
	said "does not appear within 2 seconds"
	said "all settings and files are lost"
	same "state" PERSIST_STATE=memory "$(grep STATE "$ROOT/etc/skiff/env")"
	check "the journal stays in /run" [ ! -e "$ROOT/var/log/journal" ]
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	check "host key in memory" [ -s "$ROOT/etc/ssh/ssh_host_ed25519_key" ]
}

test_skiff_persist_none_does_not_wait() {
	echo "quiet skiff.persist=none" >"$WORK/cmdline"
	sed -i s/=2/=60/ "$ROOT/opt/skiff/scripts/mount-all.pre.d/00-test.sh"
	before=$(date +%s)
	start
	check "no wait" [ $(($(date +%s) - before)) -lt 15 ]
	said "no persistent partition is mounted"
}

test_the_command_line_names_the_partition() {
	make_persist 64M
	# The real findfs would look at all disks of this machine.
	stub findfs "[ \"\$1\" = LABEL=other ] && echo $DEVICE"
	DEVICE=LABEL=persist
	echo "PERSIST_DEVICE=$DEVICE" >>"$ROOT/opt/skiff/scripts/mount-all.pre.d/00-test.sh"
	echo "skiff.persist=wrong quiet x.skiff.persist=no skiff.persist=LABEL=other *" >"$WORK/cmdline"
	start
	check "mounted" mountpoint -q "$P"
}

test_keys_of_image_and_partition_are_joined_with_line_ends() {
	make_persist
	write "$ROOT/root/.ssh/authorized_keys" "ssh-ed25519 AAAAowner"
	write "$ROOT/etc/skiff/authorized_keys/b.pub" "ssh-ed25519 AAAAimage"
	write "$ROOT/etc/skiff/authorized_keys/c.pub" "ssh-ed25519 AAAAold"
	on_persist mkdir -p skiff/keys/dir.pub
	on_persist sh -c 'printf "ssh-ed25519 AAAAa" >"skiff/keys/a b.pub"
		printf "ssh-ed25519 AAAAdash\r\n" >"skiff/keys/-rf.pub"
		printf "ssh-ed25519 AAAAline" >"skiff/keys/new
line.pub"
		printf "ssh-ed25519 AAAAnew\n\n" >skiff/keys/c.pub
		printf "not taken" >skiff/keys/readme
		mkfifo skiff/keys/fifo.pub
		ln -s /nowhere skiff/keys/broken.pub'
	start
	same "authorized_keys" "AAAAowner AAAAdash AAAAa AAAAimage AAAAnew AAAAline" \
		"$(cut -d ' ' -f 2 "$ROOT/root/.ssh/authorized_keys" | tr '\n' ' ' | sed 's/ $//')"
	same "modes" "700 600" "$(mode "$ROOT/root/.ssh") $(mode "$ROOT/root/.ssh/authorized_keys")"
	rm "$P/skiff/keys/c.pub" "$P"/skiff/keys/-rf.pub
	inside /opt/skiff/scripts/root-keys.sh
	same "removed keys are gone" "AAAAowner AAAAa AAAAimage AAAAold AAAAline" \
		"$(cut -d ' ' -f 2 "$ROOT/root/.ssh/authorized_keys" | tr '\n' ' ' | sed 's/ $//')"
}

test_the_host_name_comes_from_the_partition() {
	make_persist
	on_persist sh -c 'mkdir skiff; printf "  Boat-7.lan \r\nsecond line\n" >skiff/hostname'
	start
	same "kernel" Boat-7.lan "$(hostname)"
	same "/etc/hostname" Boat-7.lan "$(cat "$ROOT/etc/hostname")"
	same "/etc/hosts" "127.0.0.1 localhost,127.0.1.1 Boat-7.lan," "$(tr '\t\n' ' ,' <"$ROOT/etc/hosts")"
	start
	same "/etc/hosts again" 2 "$(wc -l <"$ROOT/etc/hosts")"
}

test_hostile_host_names_are_refused() {
	make_persist
	for name in '$(touch /hacked)' 'a/b' '-rf' 'a b' '&' "$(printf %065d 0)" 'é'; do
		mkdir -p "$WORK/side"
		mount "$DEVICE" "$WORK/side"
		mkdir -p "$WORK/side/skiff"
		printf '%s\n' "$name" >"$WORK/side/skiff/hostname"
		umount "$WORK/side"
		restart
		start
		same "$name" box "$(hostname)"
		said "skiff/hostname is ignored"
		check "kept for its owner" [ "$(cat "$P/skiff/hostname")" = "$name" ]
		umount -R "$P" "$ROOT/etc/NetworkManager/system-connections" 2>/dev/null
	done
	check "no command ran" [ ! -e "$ROOT/hacked" ]
}

test_host_keys_are_made_once_and_kept() {
	make_persist
	start
	inside /opt/skiff/scripts/ssh-keys.sh
	same "kinds" "ssh_host_ecdsa_key ssh_host_ed25519_key" "$(cd "$P/skiff/ssh" && echo *_key)"
	same "modes" "600 600" "$(mode "$P/skiff/ssh/ssh_host_ed25519_key") $(mode "$ROOT/etc/ssh/ssh_host_ecdsa_key")"
	sum=$(cat "$ROOT"/etc/ssh/ssh_host_*_key | sha256sum)
	restart
	start
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	same "after a restart" "$sum" "$(cat "$ROOT"/etc/ssh/ssh_host_*_key | sha256sum)"
	: >"$P/skiff/ssh/ssh_host_ecdsa_key"
	echo rubbish >"$P/skiff/ssh/ssh_host_ed25519_key"
	restart
	start
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	said "ssh_host_ed25519_key is damaged"
	check "new key works" inside ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key
	check "it is kept" cmp "$ROOT/etc/ssh/ssh_host_ed25519_key" "$P/skiff/ssh/ssh_host_ed25519_key"
}

test_an_rsa_key_and_settings_of_skiffos_are_used() {
	make_persist
	on_persist mkdir -p skiff/ssh
	ssh-keygen -q -t rsa -b 2048 -N '' -f "$WORK/rsa"
	on_persist cp "$WORK/rsa" skiff/ssh/ssh_host_rsa_key
	on_persist sh -c 'printf "PermitRootLogin prohibit-password\nUsePAM no\nPort 2222\n" >skiff/ssh/sshd_config'
	start
	inside /opt/skiff/scripts/ssh-keys.sh
	same "mode" 600 "$(mode "$ROOT/etc/ssh/ssh_host_rsa_key")"
	inside sshd -T >"$WORK/sshd"
	check "the port" grep -qx "port 2222" "$WORK/sshd"
	check "the key" grep -qx "hostkey /etc/ssh/ssh_host_rsa_key" "$WORK/sshd"
}

test_settings_that_do_not_end_give_way_to_the_image() {
	make_persist
	on_persist sh -c 'mkdir -p skiff/ssh/sshd_config.d; mkfifo skiff/fifo
		echo "Include /mnt/persist/skiff/fifo" >skiff/ssh/sshd_config.d/a.conf'
	start
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	said "it does not end"
	check "sshd takes the rest" inside timeout 10 sshd -t
}

test_keys_have_a_bound_together() {
	make_persist 64M
	on_persist sh -c 'mkdir -p skiff/keys; yes "ssh-ed25519 AAAA" | head -c 65536 >skiff/keys/0.pub
		i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); ln skiff/keys/0.pub skiff/keys/$i.pub; done'
	start
	said "there are too many keys"
	check "a megabyte" [ "$(stat -c %s "$ROOT/root/.ssh/authorized_keys")" -lt 1200000 ]
}

test_settings_that_sshd_refuses_give_way_to_the_image() {
	make_persist
	on_persist sh -c 'mkdir -p skiff/ssh/sshd_config.d; echo NoSuchWord yes >skiff/ssh/sshd_config'
	start
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	said "uses the settings of the image"
	check "sshd takes them" inside sshd -t
	rm "$P/skiff/ssh/sshd_config"
	echo NoSuchWord yes >"$P/skiff/ssh/sshd_config.d/a b.conf"
	restart
	start
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	said "ignores them"
	check "sshd takes the rest" inside sshd -t
}

test_connections_are_private_and_new_ones_are_kept() {
	make_persist
	write "$ROOT/etc/NetworkManager/system-connections/image.nmconnection" "[connection]\nid=image\n"
	on_persist sh -c 'mkdir -p skiff/connections; echo secret >"skiff/connections/my wifi.nmconnection"
		chmod 666 skiff/connections/*; chown 1000:1000 skiff/connections/*'
	start
	dir=$ROOT/etc/NetworkManager/system-connections
	same "mode and owner" "600 0:0" "$(stat -c '%a %u:%g' "$dir/my wifi.nmconnection")"
	same "of the image, too" "600 0:0" "$(stat -c '%a %u:%g' "$dir/image.nmconnection")"
	same "directory" 700 "$(mode "$dir")"
	check "the image's are not copied to the partition" [ ! -e "$P/skiff/connections/image.nmconnection" ]
	echo new >"$dir/new.nmconnection"
	same "kept" new "$(cat "$P/skiff/connections/new.nmconnection")"
	start
	same "one mount only" 1 "$(grep -c system-connections "$ROOT/proc/mounts")"
}

test_files_for_etc_are_copied_and_nothing_is_removed() {
	make_persist
	on_persist sh -c 'mkdir -p skiff/etc/systemd/system "skiff/etc/a dir" skiff/etc/.hidden
		echo x >"skiff/etc/a dir/-rf"; echo y >skiff/etc/-rf; echo z >skiff/etc/.hidden/z; echo r >skiff/etc/readme
		ln -s /etc/hostname skiff/etc/link; echo u >skiff/etc/systemd/system/u.service
		chmod 640 "skiff/etc/a dir/-rf"; chmod 700 skiff/etc'
	mkdir -p "$ROOT/run/systemd/system"
	start
	same "names" "x y z" "$(cat "$ROOT/etc/a dir/-rf" "$ROOT"/etc/-rf "$ROOT/etc/.hidden/z" | tr '\n' ' ' | sed 's/ $//')"
	same "mode" 640 "$(mode "$ROOT/etc/a dir/-rf")"
	same "/etc keeps its mode" 755 "$(mode "$ROOT/etc")"
	check "link" [ -L "$ROOT/etc/link" ]
	check "readme stays" [ ! -e "$ROOT/etc/readme" ]
	check "nothing is removed" [ -e "$ROOT/etc/passwd" ]
	check "units are read" grep -qx "systemctl daemon-reload" "$ROOT/stub.log"
	check "and started" grep -qx "systemctl start --no-block default.target" "$ROOT/stub.log"
}

test_a_rescue_start_stays_one() {
	make_persist
	on_persist mkdir -p skiff/etc/systemd/system
	mkdir -p "$ROOT/run/systemd/system"
	echo "quiet rescue" >"$WORK/cmdline"
	start
	check "reload" grep -qx "systemctl daemon-reload" "$ROOT/stub.log"
	check "no start" [ "$(grep -c default.target "$ROOT/stub.log")" = 0 ]
}

test_the_journal_is_on_the_partition() {
	make_persist
	start
	echo x >"$ROOT/var/log/journal/x"
	check "bound" [ -e "$P/skiff/journal/x" ]
	restart
	touch "$ROOT/etc/skip-skiff-journal-mounts"
	start
	check "not with the flag" [ ! -e "$ROOT/var/log/journal/x" ]
}

test_the_machine_id_is_kept_for_systems_without_the_initramfs() {
	make_persist
	mkdir -p "$ROOT/run/systemd/system"
	id=0123456789abcdef0123456789abcdef
	echo $id >"$ROOT/etc/machine-id"
	start
	same "saved" $id "$(cat "$P/skiff/machine-id")"
	restart
	mkdir -p "$ROOT/run/systemd/system"
	echo fedcba9876543210fedcba9876543210 >"$ROOT/etc/machine-id"
	start
	same "restored" $id "$(cat "$ROOT/etc/machine-id")"
	check "the journal is told" grep -q "try-restart systemd-journald" "$ROOT/stub.log"
	not_said "cannot"
}

test_a_second_run_changes_nothing() {
	make_persist
	on_persist sh -c 'mkdir -p skiff/keys skiff/etc; echo "ssh-ed25519 AAAA a" >skiff/keys/a.pub; echo 1 >skiff/etc/one'
	start
	cp "$WORK/said" "$WORK/first"
	state() {
		(cd "$ROOT" && find etc root mnt -type f ! -path '*/work/*' -exec sha256sum {} + | sort; cat proc/mounts)
	}
	state >"$WORK/before"
	start
	state >"$WORK/after"
	check "files and mounts" diff "$WORK/before" "$WORK/after"
	same "nothing is said" "" "$(cat "$WORK/said")"
}

test_a_read_only_partition_is_used_and_said() {
	make_persist
	on_persist sh -c 'mkdir -p skiff/keys skiff/connections skiff/etc skiff/ssh; echo "ssh-ed25519 AAAA a" >skiff/keys/a.pub
		echo wifi >skiff/connections/w.nmconnection; echo boat >skiff/hostname; echo 1 >skiff/etc/one'
	losetup -d "$DEVICE"
	sleep 0.2
	DEVICE=$(losetup -f -r --show "$IMAGE")
	restart
	start
	said "read-only"
	same "name" boat "$(hostname)"
	check "key" grep -q AAAA "$ROOT/root/.ssh/authorized_keys"
	same "connection" 600 "$(mode "$ROOT/etc/NetworkManager/system-connections/w.nmconnection")"
	check "etc" [ -e "$ROOT/etc/one" ]
	same "state" PERSIST_STATE=read-only "$(grep STATE "$ROOT/etc/skiff/env")"
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	said "changes at the next start"
	check "ssh works" inside sshd -t
}

test_a_full_partition_does_not_stop_the_start() {
	make_persist 16M -m 0
	on_persist sh -c 'mkdir -p skiff/keys; echo "ssh-ed25519 AAAA a" >skiff/keys/a.pub; echo boat >skiff/hostname
		cat /dev/zero >filler 2>/dev/null; cat /dev/zero >filler2 2>/dev/null; sync; true'
	start
	same "name" boat "$(hostname)"
	check "key" grep -q AAAA "$ROOT/root/.ssh/authorized_keys"
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	check "ssh works" inside sshd -t
	inside /opt/skiff/scripts/swap.sh >"$WORK/said" 2>&1
	check "no half file" [ -z "$(find "$P" -name '*.skiff-new' -o -name 'primary.swap*')" ]
}

test_power_cuts_leave_whole_files() {
	make_persist
	on_persist sh -c 'mkdir -p skiff/keys skiff/etc; echo "ssh-ed25519 AAAA a" >skiff/keys/a.pub; echo 1 >skiff/etc/one'
	for _ in $(seq 12); do
		restart
		inside sh -c '/opt/skiff/scripts/mount-all.sh; /opt/skiff/scripts/ssh-keys.sh' >/dev/null 2>&1 &
		sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
		# The programs of the start; this test itself stays. Some have started others meanwhile.
		for _ in $(seq 50); do
			left=
			for process in /proc/[0-9]*; do
				if [ "$(readlink "$process/root")" = "$ROOT" ]; then
					left=yes
					kill -9 "${process##*/}"
				fi
			done 2>/dev/null
			[ -n "$left" ] || break
			sleep 0.1
		done
		wait 2>/dev/null
		umount -R "$ROOT" || fail "a program is left"
	done
	restart
	start
	not_said cannot
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	not_said damaged
	not_said cannot
	same "name" box "$(cat "$P/skiff/hostname")"
	check "host key" inside ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key
	umount -R "$ROOT"
	check "file system" e2fsck -fn "$DEVICE"
}

test_hostile_contents_of_the_partition_are_survived() {
	make_persist
	on_persist sh -c 'ln -s / skiff'
	start
	check "links of skiff do not leave" [ ! -e "$ROOT/readme" ]
	restart
	on_persist sh -c 'rm skiff; mkdir -p skiff skiff/hostname skiff/machine-id skiff/readme; ln -s / skiff/etc
		ln -s / skiff/connections; ln -s /etc skiff/journal; ln -s /etc skiff/ssh; echo x >skiff/keys'
	restart
	start
	check "etc is whole" [ -s "$ROOT/etc/passwd" ]
	check "ssh is whole" [ ! -e "$ROOT/etc/ssh/passwd" ]
	same "name" box "$(hostname)"
	inside /opt/skiff/scripts/ssh-keys.sh >"$WORK/said" 2>&1
	check "ssh works" inside sshd -t
}
