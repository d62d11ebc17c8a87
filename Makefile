# The habits of SkiffOS: each target is one call of the program `skiff`, which this builds first.
#
#   make                          status and help
#   make configure compile        merge the layers of SKIFF_CONFIG and build the system
#   make cmd/virt/qemu/run        a command of a layer
#   make br/menuconfig            a target of Buildroot
#   make demo                     from nothing to a booted system
#   make install                  the program, its completions and manual pages, below PREFIX (/usr/local)
#   make test                     all tests
.NOTPARALLEL:
.DEFAULT_GOAL := status

SKIFF := target/release/skiff
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

COMMANDS := status list plan configure fetch compile build check clean legal-info shell env doctor
.PHONY: $(COMMANDS) help install graph graph-build graph-size skiff demo qemu buildroot-tools plugin-tools media-tools test test-buildroot bench plugins fuzz

$(COMMANDS): skiff
	@$(SKIFF) $@

help: status

cmd/%: skiff
	@$(SKIFF) cmd $*

# Several targets as in SkiffOS: make br/"linux-rebuild all"
br/%: skiff
	@$(SKIFF) br $*

graph: graph-build graph-size

graph-build: skiff
	@$(SKIFF) graph build-time

graph-size: skiff
	@$(SKIFF) graph size

skiff:
	@command -v cargo >/dev/null || { echo "skiff is built with Rust: install it from https://rustup.rs, or let PATH name it" >&2; exit 1; }
	@cargo build --release --locked --package skiff-cli

# DESTDIR is for packagers.
PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share

# A completion script that cannot be made is none.
define completion
	script=$$($(SKIFF) completions --program "$(PREFIX)/bin/skiff" $(1)) && \
		printf '%s\n' "$$script" | install -D -m 0644 /dev/stdin "$(SHARE)/$(2)"
endef

install: skiff
	install -D -m 0755 $(SKIFF) "$(DESTDIR)$(PREFIX)/bin/skiff"
	$(call completion,bash,bash-completion/completions/skiff)
	$(call completion,zsh,zsh/site-functions/_skiff)
	$(call completion,fish,fish/vendor_completions.d/skiff.fish)
	$(SKIFF) man "$(SHARE)/man/man1"

# Builds and boots virt/qemu in a workspace of its own.
demo: skiff qemu
	@$(SKIFF) --workspace demo --config virt/qemu build
	@$(SKIFF) --workspace demo cmd virt/qemu run || [ $$? -eq 130 ] # Ctrl-C is a way to end it

# Installs QEMU if it is not there.
qemu:
	@command -v qemu-system-x86_64 >/dev/null && command -v qemu-system-aarch64 >/dev/null || { \
		$(SUDO) apt-get update -qq && \
		$(SUDO) apt-get install -qq -y --no-install-recommends qemu-system-x86 qemu-system-arm; }

# What the tests of the engine `buildroot` run: a Kconfig, a compiler cache, and what Buildroot itself wants.
buildroot-tools:
	@command -v ccache >/dev/null && ls /usr/lib/linux-kbuild-*/scripts/kconfig/conf >/dev/null 2>&1 || { \
		$(SUDO) apt-get update -qq && \
		$(SUDO) apt-get install -qq -y --no-install-recommends ccache \
			"$$(apt-cache search --names-only '^linux-kbuild-[0-9.]+$$' | sort -V | tail -n 1 | cut -d' ' -f1)"; }

# The tools that first-party plugins run, those that read what comes of it, `depmod`, the reference for indexes of modules, and
# what the scripts of skiff/system are tested with.
plugin-tools:
	@command -v ssh >/dev/null && command -v mkimage >/dev/null && command -v mksquashfs >/dev/null && command -v cpio >/dev/null && command -v depmod >/dev/null && command -v busybox >/dev/null && test -x /usr/sbin/sshd || { \
		$(SUDO) apt-get update -qq && \
		$(SUDO) apt-get install -qq -y --no-install-recommends u-boot-tools squashfs-tools cpio kmod openssh-client openssh-server busybox; }

# What the tests of media look at them with: other people's tools.
media-tools:
	@command -v sgdisk >/dev/null && command -v sfdisk >/dev/null && command -v parted >/dev/null && command -v fsck.fat >/dev/null && \
	command -v mcopy >/dev/null && command -v bmaptool >/dev/null && command -v strace >/dev/null && command -v debugfs >/dev/null && \
	command -v xz >/dev/null && command -v qemu-img >/dev/null && command -v pzstd >/dev/null && command -v zip >/dev/null && \
	command -v 7z >/dev/null && command -v lz4 >/dev/null && command -v lzip >/dev/null && command -v bzip2 >/dev/null && \
	command -v img2simg >/dev/null && command -v xorriso >/dev/null && command -v cpio >/dev/null && \
	command -v genimage >/dev/null && command -v systemd-repart >/dev/null && test -e /usr/share/OVMF/OVMF_CODE_4M.fd && test -e /usr/share/AAVMF/AAVMF_CODE.fd || { \
		$(SUDO) apt-get update -qq && \
		$(SUDO) apt-get install -qq -y --no-install-recommends gdisk fdisk parted dosfstools mtools bmap-tools strace \
			e2fsprogs xz-utils ovmf qemu-efi-aarch64 qemu-utils zstd zip p7zip-full lz4 lzip bzip2 cpio \
			android-sdk-libsparse-utils squashfs-tools xorriso genimage systemd; }

# The plugins are built for their own target and, for their unit tests, natively.
test: qemu buildroot-tools plugin-tools media-tools
	cargo test --release --locked --workspace
	cargo test --locked --manifest-path plugins/Cargo.toml
	plugins/build --check

# Needs a Buildroot tree, which no package archive has: SKIFF_TEST_BUILDROOT names it. SKIFF_TEST_REPART names directories with
# definitions of systemd-repart, with a colon between them.
test-buildroot: media-tools
	cargo test --release --locked --package skiff-layout --test real -- --ignored --nocapture
	cargo test --release --locked --package skiff-tests --test real

bench:
	cargo bench --package skiff-tests $(if $(BENCH),--bench $(BENCH))

# Feeds what people write with what nobody would, FUZZ_SECONDS for each target (`cargo install cargo-fuzz` first).
FUZZ_SECONDS ?= 600
fuzz:
	@for target in fragment dependencies merge manifest lock component tree archive tools layout sniff devices users bmap genimage repart; do \
		cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# Builds the first-party plugins, puts them beside their layers and notes their grants.
plugins: skiff
	plugins/build
	plugins/grant
