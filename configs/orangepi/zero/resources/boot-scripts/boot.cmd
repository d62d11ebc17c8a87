# Loads the kernel, the board's device tree and the root file system into memory. U-Boot knows the addresses.
setenv bootargs "console=tty1 console=ttyS0,115200 net.ifnames=0 skiff.generation=@GENERATION@"
setenv fdt_high 0xffffffff
setenv initrd_high 0xffffffff
load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} zImage
load ${devtype} ${devnum}:${distro_bootpart} ${fdt_addr_r} sun8i-h2-plus-orangepi-zero.dtb
load ${devtype} ${devnum}:${distro_bootpart} ${ramdisk_addr_r} rootfs.cpio.uboot
bootz ${kernel_addr_r} ${ramdisk_addr_r} ${fdt_addr_r}
