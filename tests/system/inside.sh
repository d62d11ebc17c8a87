# shellcheck shell=bash
# shellcheck disable=SC2034 # tests.sh uses the variables
# A small machine in the namespaces of one test: its root directory, its persistent partition, a
# start.
ROOT=$WORK/root
IMAGE=$WORK/persist.img
P=$ROOT/mnt/persist

fail() {
	echo "FAILED: $*"
	exit 1
}

# check TEXT COMMAND…: the command has to succeed.
check() {
	local text=$1
	shift
	"$@" || fail "$text"
}

# same TEXT WANTED FOUND
same() {
	[ "$2" = "$3" ] || fail "$1: wanted \`$2\`, found \`$3\`"
}

said() {
	grep -qF -- "$1" "$WORK/said" || { cat "$WORK/said"; fail "not said: $1"; }
}

not_said() {
	! grep -qF -- "$1" "$WORK/said" || fail "said: $1"
}

mode() {
	stat -c %a "$1"
}

# stub NAME [COMMAND…]: replaces a program by one that records its arguments in /stub.log.
stub() {
	local name=$1
	shift
	printf '#!/bin/sh\necho "%s $*" >>/stub.log\n%s\n' "$name" "$*" >"$ROOT/stubs/$name"
	chmod +x "$ROOT/stubs/$name"
}

# A fresh system, as after a start: its root directory is in memory.
fresh_root() {
	umount -R "$ROOT" 2>/dev/null
	mkdir -p "$ROOT"
	mount -t tmpfs -o mode=755 root "$ROOT"
	mkdir -p "$ROOT"/{usr,dev,proc,sys,run,tmp,root,stubs,mnt,var/log/journal,etc/NetworkManager/system-connections,etc/ssh}
	chmod 700 "$ROOT/root"
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$ROOT/$dir"
	done
	mount --rbind /usr "$ROOT/usr"
	mount --rbind /dev "$ROOT/dev"
	mount --rbind /sys "$ROOT/sys"
	mount -t proc proc "$ROOT/proc"
	mount -t tmpfs run "$ROOT/run"
	cp /etc/{passwd,group,nsswitch.conf} "$ROOT/etc/"
	echo box >"$ROOT/etc/hostname"
	printf '127.0.0.1\tlocalhost\n127.0.1.1\tbox\n' >"$ROOT/etc/hosts"
	hostname box
	: >"$ROOT/etc/machine-id"
	cp -a "$LAYER/root_overlay/etc/." "$ROOT/etc/"
	mkdir -p "$ROOT/opt"
	cp -a "$LAYER/root_overlay/opt/." "$ROOT/opt/"
	mkdir -p "$ROOT"/opt/skiff/scripts/mount-all{,.pre}.d
	echo "PERSIST_TIMEOUT=2" >"$ROOT/opt/skiff/scripts/mount-all.pre.d/00-test.sh"
	[ -z "${DEVICE:-}" ] || echo "PERSIST_DEVICE=$DEVICE" >>"$ROOT/opt/skiff/scripts/mount-all.pre.d/00-test.sh"
	stub udevadm
	stub systemctl
	stub date "[ \"\$1\" = -u ] && [ \"\$2\" = -s ] || exec /usr/bin/date \"\$@\""
	# The kernel's command line of this machine is not that of the system.
	: >"$WORK/cmdline"
	mount --bind "$WORK/cmdline" "$ROOT/proc/cmdline"
}

prepare() {
	mount --make-rprivate /
	fresh_root
}

# make_persist [SIZE [OPTIONS of mke2fs…]]: a persistent partition in a loop device. DEVICE names
# it.
make_persist() {
	local size=${1:-64M}
	shift
	rm -f "$IMAGE"
	truncate -s "$size" "$IMAGE"
	mke2fs -q -t ext4 -L persist "$@" "$IMAGE"
	DEVICE=$(losetup -f --show "$IMAGE")
	echo "PERSIST_DEVICE=$DEVICE" >>"$ROOT/opt/skiff/scripts/mount-all.pre.d/00-test.sh"
}

# on_persist COMMAND…: runs it in the directory of the partition, before the system starts.
on_persist() {
	mkdir -p "$WORK/side"
	mount "$DEVICE" "$WORK/side"
	(cd "$WORK/side" && "$@") || fail "$*"
	umount "$WORK/side"
}

# inside COMMAND…: runs a command of the system.
inside() {
	chroot "$ROOT" /usr/bin/env -i PATH=/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

start() {
	inside /bin/sh /opt/skiff/scripts/mount-all.sh >"$WORK/said" 2>&1 || fail "mount-all.sh ended with code $?"
	[ -z "${SHOW:-}" ] || cat "$WORK/said"
}

# The medium stays, and the memory is lost.
restart() {
	fresh_root
}

write() {
	mkdir -p "$(dirname "$1")"
	printf '%b' "$2" >"$1"
}
