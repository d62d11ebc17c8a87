# The firmware's partition has the name that the makers of the board gave it.
BOOT_DEVICE=LABEL=BOOT
