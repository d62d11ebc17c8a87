# The folder that `skiff cmd virt/qemu run` shares with this machine: 9p where the kernel has it, else a read-only disk.
mkdir -p /mnt/shared
if ! mount -t 9p -o trans=virtio,version=9p2000.L host0 /mnt/shared 2>/dev/null; then
	device=$(findfs LABEL=SHARED 2>/dev/null) && mount -t vfat -o ro "$device" /mnt/shared
fi
