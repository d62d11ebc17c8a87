use crate::Lists;
use crate::ModuleName;
use crate::ModuleSet;

use super::*;

fn module(path: &str, needs: &[&str], aliases: &[&str]) -> ModuleInfo {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    ModuleInfo {
        name: ModuleName::of_file(path),
        path: path.to_owned(),
        needs: needs.iter().map(|name| ModuleName::new(name)).collect(),
        aliases: owned(aliases),
        soft_needs: Vec::new(),
        symbols: Vec::new(),
        imports: String::new(),
    }
}

fn arrange(modules: impl IntoIterator<Item = ModuleInfo>, lists: &Lists<'_>) -> Modules {
    let mut set = ModuleSet::default();
    modules.into_iter().for_each(|module| set.add(module).unwrap());
    set.arrange(lists)
}

fn virtio() -> Modules {
    let mut ring = module("kernel/virtio_ring.ko", &["virtio"], &[]);
    ring.symbols = vec!["vring_new".into(), "both".into()];
    ring.soft_needs = vec!["pre: crc32".into()];
    let mut virtio =
        module("kernel/virtio.ko", &["unknown"], &["fs-[a-b]-c", "unmatched[", "devname:v", "char-major-10-7"]);
    virtio.symbols = vec!["both".into()];
    let lists = Lists {
        order: "kernel/virtio_blk.ko\nkernel/nothing.ko\nelsewhere/virtio.ko\nkernel/virtio.ko\n",
        builtin: "kernel/fs/ext4.ko\n",
        builtin_info: b"ext4.alias=fs-ext4\0",
    };
    arrange([module("kernel/virtio-blk.ko", &[], &[]), ring, virtio, blk()], &lists)
}

fn blk() -> ModuleInfo {
    module("kernel/virtio_blk.ko", &["virtio_ring", "virtio"], &["virtio:d2"])
}

fn text(modules: &Modules, name: &str) -> String {
    String::from_utf8(modules.files().unwrap().remove(name).unwrap()).unwrap()
}

#[test]
fn what_a_module_needs_comes_before_it() {
    let lists = Lists { builtin: "kernel/ext4.ko\n", ..Lists::default() };
    let needed = [module("kernel/virtio_ring.ko", &["virtio"], &[]), module("kernel/virtio.ko", &[], &[])];
    let modules = arrange(needed.into_iter().chain([blk()]), &lists);
    let files = modules.with_needs(&["ext4".to_owned(), "virtio-blk".to_owned()]).unwrap();
    let files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(files, ["kernel/virtio.ko", "kernel/virtio_ring.ko", "kernel/virtio_blk.ko"]);
    let unknown = modules.with_needs(&["virtio".to_owned(), "no-thing".to_owned()]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no module `no_thing`");
}

#[test]
fn modules_are_in_the_order_of_the_list_and_then_of_their_paths() {
    let lists = Lists { order: "kernel/c.ko\nkernel/a.ko\n", ..Lists::default() };
    let names = ["kernel/b.ko", "extra/d.ko", "kernel/a.ko", "kernel/c.ko"];
    let modules = arrange(names.map(|path| module(path, &[], &[])), &lists);
    assert_eq!(text(&modules, "modules.dep"), "kernel/c.ko:\nkernel/a.ko:\nextra/d.ko:\nkernel/b.ko:\n");
}

#[test]
fn updates_replace_modules_and_of_others_the_first_is_kept() {
    let paths = ["extra/a.ko", "kernel/a.ko", "updates/b.ko", "kernel/b.ko", "kernel/c.ko", "updates/dkms/c.ko"];
    let modules = arrange(paths.map(|path| module(path, &[], &[])), &Lists::default());
    assert_eq!(text(&modules, "modules.dep"), "extra/a.ko:\nupdates/b.ko:\nupdates/dkms/c.ko:\n");
}

#[test]
fn the_texts_say_what_modules_need_serve_and_export() {
    let modules = virtio();
    assert_eq!(
        text(&modules, "modules.dep"),
        "kernel/virtio.ko:\nkernel/virtio-blk.ko:\nkernel/virtio_ring.ko: kernel/virtio.ko\n"
    );
    assert!(text(&modules, "modules.alias").ends_with(
        ".\nalias fs-[a-b]-c virtio\nalias unmatched[ virtio\nalias devname:v virtio\nalias char-major-10-7 virtio\n"
    ));
    assert!(
        text(&modules, "modules.symbols")
            .ends_with(".\nalias symbol:both virtio_ring\nalias symbol:vring_new virtio_ring\n")
    );
    assert!(text(&modules, "modules.softdep").ends_with(".\nsoftdep virtio_ring pre: crc32\n"));
    assert!(text(&modules, "modules.devname").ends_with(".\nvirtio v c10:7\n"));
    assert_eq!(text(&arrange([], &Lists::default()), "modules.devname"), "");
}

#[test]
fn the_binary_indexes_hold_keys_as_libkmod_looks_them_up() {
    let files = virtio().files().unwrap();
    let has = |file: &str, part: &[u8]| files[file].windows(part.len()).any(|window| window == part);
    assert!(has("modules.alias.bin", b"s_[a-b]_c\0") && !has("modules.alias.bin", b"unmatched"));
    assert!(has("modules.dep.bin", b"kernel/virtio_ring.ko: kernel/virtio.ko\0"));
    assert!(has("modules.symbols.bin", b"ymbol:\0") && has("modules.symbols.bin", b"virtio_ring\0"));
    assert!(has("modules.builtin.bin", b"xt4\0") && has("modules.builtin.alias.bin", b"s_ext4\0"));
    assert_eq!(files.len(), 10);
}

#[test]
fn of_modules_that_do_not_need_each_other_the_one_imported_last_is_loaded_last() {
    let exporter = |path, symbol: &str| ModuleInfo { symbols: vec![symbol.into()], ..module(path, &[], &[]) };
    let importer = |imports: &str| {
        let user = ModuleInfo { imports: imports.into(), ..module("user.ko", &["a", "b"], &[]) };
        let modules = arrange([exporter("a.ko", "of_a"), exporter("b.ko", "of_b"), user], &Lists::default());
        text(&modules, "modules.dep")
    };
    assert!(importer("of_a\nprintk\nof_b\nof_a\n").ends_with("user.ko: b.ko a.ko\n"));
    assert!(importer("of_b\nof_a\n").ends_with("user.ko: a.ko b.ko\n"));
    assert!(importer("of_b\n").ends_with("user.ko: a.ko b.ko\n"), "what no symbol names comes after");
}
