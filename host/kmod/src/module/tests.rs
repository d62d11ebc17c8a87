use object::Architecture;
use object::BinaryFormat;
use object::Endianness;
use object::SectionKind;
use object::SymbolFlags;
use object::SymbolKind;
use object::SymbolScope;
use object::write::Object;
use object::write::Symbol;
use object::write::SymbolSection;

use super::*;

const INFO: &[u8] =
    b"\0\0license=GPL\0depends=a-b,c\0alias=pci:v*-[0-9]\0alias=fs-x\0author=\xff\0softdep=pre: y\0alone\0";

fn module(
    architecture: Architecture,
    endianness: Endianness,
    info: &[u8],
    symbols: &[&str],
    strings: &[u8],
) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, architecture, endianness);
    for (name, data) in [(".modinfo", info), ("__ksymtab_strings", strings)] {
        let section = object.add_section(Vec::new(), name.into(), SectionKind::ReadOnlyData);
        object.append_section_data(section, data, 1);
    }
    for name in symbols {
        object.add_symbol(Symbol {
            name: (*name).into(),
            value: 0x1234,
            size: 0,
            kind: SymbolKind::Data,
            scope: SymbolScope::Linkage,
            weak: false,
            section: if name.starts_with('?') { SymbolSection::Undefined } else { SymbolSection::Absolute },
            flags: SymbolFlags::None,
        });
    }
    object.write().unwrap()
}

fn read(bytes: &[u8]) -> Result<ModuleInfo, ModuleError> {
    ModuleInfo::read(Path::new("kernel/drivers/my-driver.ko"), bytes)
}

#[test]
fn a_module_of_any_word_size_and_byte_order_is_read() {
    let machines = [
        (Architecture::X86_64, Endianness::Little),
        (Architecture::Arm, Endianness::Little),
        (Architecture::S390x, Endianness::Big),
        (Architecture::Mips, Endianness::Big),
    ];
    for (architecture, endianness) in machines {
        let bytes = module(
            architecture,
            endianness,
            INFO,
            &["__crc_one", "__ksymtab_one", "?b", "__crc_three", "?a"],
            b"four\0",
        );
        let module = read(&bytes).unwrap();
        assert_eq!(module.name.as_str(), "my_driver");
        assert_eq!(module.path, "kernel/drivers/my-driver.ko");
        assert_eq!(module.needs, [ModuleName::new("a_b"), ModuleName::new("c")]);
        assert_eq!(module.aliases, ["pci:v*-[0-9]", "fs-x"]);
        assert_eq!(module.soft_needs, ["pre: y"]);
        assert_eq!(module.symbols, ["one", "three"], "{architecture:?}");
        assert_eq!(module.imports, "?b\n?a\n");
    }
}

#[test]
fn without_versions_symbols_come_from_their_names() {
    let bytes = module(Architecture::Aarch64, Endianness::Little, b"", &["two"], b"\0one\0\0two");
    assert_eq!(read(&bytes).unwrap().symbols, ["one", "two"]);
}

#[test]
fn values_that_would_break_an_index_are_refused() {
    for (info, key) in [(&b"alias=a\nb"[..], "alias"), (b"softdep=\xe4", "softdep"), (b"depends=\x1b[2J", "depends")] {
        let error = read(&module(Architecture::X86_64, Endianness::Little, info, &[], b"")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{key}` is `")) && !error.contains(['\n', '\x1b']), "{error}");
    }
    let long = [b"alias=".as_slice(), &[b'a'; MAX_KEY + 1]].concat();
    assert!(read(&module(Architecture::X86_64, Endianness::Little, &long, &[], b"")).is_err());
    let symbol = read(&module(Architecture::X86_64, Endianness::Little, b"", &["__crc_a b"], b""));
    assert!(matches!(symbol, Err(ModuleError::Text { key: "symbol", .. })));
    let good = module(Architecture::X86_64, Endianness::Little, INFO, &[], b"");
    for path in ["kernel/a b.ko", "kernel/\u{e4}.ko", ""] {
        assert!(matches!(ModuleInfo::read(Path::new(path), &good), Err(ModuleError::Path)));
    }
}

#[test]
fn a_part_that_is_too_large_is_refused() {
    let large = read(&module(Architecture::X86_64, Endianness::Little, &vec![0; MAX_SECTION + 1], &[], b""));
    assert!(matches!(large, Err(ModuleError::TooLarge { part: ".modinfo", .. })));
    let strings = b"a\0".repeat(MAX_SYMBOLS + 1);
    let many = read(&module(Architecture::X86_64, Endianness::Little, b"", &[], &strings));
    assert!(matches!(many, Err(ModuleError::TooLarge { most: MAX_SYMBOLS, .. })));
}

#[test]
fn a_damaged_module_is_an_error_or_a_module_but_never_a_panic() {
    let good = module(Architecture::X86_64, Endianness::Little, INFO, &["__crc_one"], b"");
    assert!(matches!(read(b"not a module"), Err(ModuleError::Elf(_))));
    for length in 0..good.len() {
        let _ = read(&good[..length]);
    }
    for at in 0..good.len() {
        for byte in [0, 0x7f, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let _ = read(&bytes);
        }
    }
    assert!(read(&good[..good.len() / 2]).is_err());
}
