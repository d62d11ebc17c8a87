use super::*;

fn map() -> Bmap {
    let digest = Some(vec![7; 32]);
    Bmap {
        image_size: 10_000,
        block_size: BLOCK,
        digest: DigestKind::Sha256,
        ranges: vec![(0..4096, digest), (8192..10_000, None)],
    }
}

/// A map of another version or kind, with its own checksum made right.
fn made(kind: DigestKind, change: impl Fn(String) -> String) -> String {
    let zeros = "0".repeat(kind.bytes() * 2);
    let mut text = Bmap { digest: kind, ranges: vec![(0..10_000, Some(vec![1; kind.bytes()]))], ..map() }.text();
    let own = text.split("BmapFileChecksum> ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    text = change(text.replace(&own, &zeros));
    let digest = digest::hex(&kind.of(text.as_bytes()));
    text.replacen(&zeros, &digest, 1)
}

#[test]
fn a_written_map_is_read_and_a_changed_map_is_noticed() {
    let text = map().text();
    assert_eq!(Bmap::parse(&text).unwrap(), map());
    assert!(text.contains("<MappedBlocksCount> 2 <"));
    assert!(matches!(Bmap::parse(&text.replace(" 2 <", " 1 <")), Err(BmapError::Checksum { .. })));
    assert!(Bmap::parse("<bmap>").is_err() && Bmap::parse("").is_err());
}

#[test]
fn every_kind_of_digest_is_read_and_others_are_refused_by_name() {
    use DigestKind::*;
    for kind in [Sha1, Sha224, Sha256, Sha384, Sha512] {
        let text = made(kind, |text| text);
        let read = Bmap::parse(&text).unwrap();
        assert_eq!((read.digest, read.ranges[0].1.as_ref().map(Vec::len)), (kind, Some(kind.bytes())));
        // A digest of another length is not "no digest".
        let short = made(kind, |text| text.replace("chksum=\"01", "chksum=\""));
        assert!(Bmap::parse(&short).unwrap_err().to_string().contains("is not a checksum"), "{kind}");
        let changed = text.replace("chksum=\"01", "chksum=\"02");
        assert!(matches!(Bmap::parse(&changed), Err(BmapError::Checksum { .. })), "{kind}");
    }
    for kind in ["md5", "blake2b", "sha3_256", "crc32", ""] {
        let text = made(Sha256, |text| text.replace("> sha256 <", &format!("> {kind} <")));
        assert_eq!(Bmap::parse(&text), Err(BmapError::DigestKind(kind.into())));
    }
}

#[test]
fn known_versions_are_read_and_others_are_refused() {
    let old = |version: &str| {
        let text = made(DigestKind::Sha1, |text| {
            text.replace("\"2.0\"", &format!("\"{version}\""))
                .replace("    <ChecksumType> sha1 </ChecksumType>\n", "")
                .replace("BmapFileChecksum", "BmapFileSHA1")
                .replace("chksum=", "sha1=")
        });
        Bmap::parse(&text)
    };
    assert!(old("1.3").is_ok_and(|map| map.digest == DigestKind::Sha1 && map.ranges[0].1.is_some()));
    // These have no digests yet.
    assert!(old("1.2").unwrap_err().to_string().contains("BmapFileSHA1"));
    let plain = |version: &str| {
        let text = map().text().replace("\"2.0\"", &format!("\"{version}\""));
        let lines = text
            .lines()
            .filter(|line| !line.contains("Checksum"))
            .map(|line| line.replace(&format!(" chksum=\"{}\"", "07".repeat(32)), ""));
        Bmap::parse(&lines.collect::<Vec<_>>().join("\n"))
    };
    assert!(["1.0", "1.1", "1.2"].iter().all(|version| plain(version).is_ok()));
    assert!(plain("2.0").is_err() && plain("1.3").is_err());
    assert!(Bmap::parse(&made(DigestKind::Sha512, |text| text.replace("2.0", "1.4"))).is_ok());
    for version in ["3.0", "2.1", "0.9", "1.5", "2", "two", ""] {
        let text = made(DigestKind::Sha256, |text| text.replace("\"2.0\"", &format!("\"{version}\"")));
        assert_eq!(Bmap::parse(&text), Err(BmapError::Version(version.into())));
    }
}

#[test]
fn an_unknown_word_is_refused_with_its_line() {
    let error = |from: &str, to: &str| {
        let text = made(DigestKind::Sha256, |text| text.replacen(from, to, 1));
        Bmap::parse(&text).unwrap_err().to_string()
    };
    let unknown = error("    <BlockMap>", "    <Compression> zstd </Compression>\n    <BlockMap>");
    assert_eq!(unknown, "line 9: element `Compression` is unknown, or comes twice");
    assert!(error("<Range", "<Hole").contains("line 10: "));
    assert!(error("<Range", "<Range mode=\"xor\"").contains("attribute `mode`"));
    assert!(error("<bmap", "<bmap x=\"\"").contains("attribute `x`"));
    assert!(error("<ImageSize>", "<ImageSize unit=\"s\">").contains("attribute `unit`"));
    assert!(error("<ImageSize>", "<ImageSize> 1 </ImageSize><ImageSize>").contains("comes twice"));
    assert!(error("<bmap", "<!DOCTYPE x [<!ENTITY y \"z\">]><bmap").contains("other than elements"));
    assert!(error(" 10000 ", " 1&#48;000 ").contains("other than elements"));
    assert!(error("</bmap>", "</bmap><bmap version=\"2.0\"></bmap>").contains("`bmap`"));
    assert!(error(" 0-2 ", " 0-3 ").contains("not in the image"));
    assert!(error(" 0-2 ", " +0-2 ").contains("not a range"));
    assert!(error("> 3 </BlocksCount", "> 4 </BlocksCount").contains("BlocksCount is 4"));
    assert!(error("</Range>", "</Range><Range> 1 </Range>").contains("not behind the one before"));
    // Escapes of a stranger's text do not reach the terminal.
    assert!(!error("<Range", "<Range \u{1b}[2J=\"\"").contains('\u{1b}'));
}

#[test]
fn a_signed_map_is_refused_and_nesting_ends_at_once() {
    let signed = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{}", map().text());
    assert_eq!(Bmap::parse(&signed), Err(BmapError::Signed));
    let nested = "<a>".repeat(1 << 20);
    assert!(matches!(Bmap::parse(&nested), Err(BmapError::Line { line: 1, .. })));
    let attributes = format!("<bmap {}></bmap>", "a=\"\" ".repeat(1 << 20));
    let said = Bmap::parse(&attributes).unwrap_err().to_string();
    assert!(said.contains("`a`"), "{said}");
    let inside =
        made(DigestKind::Sha256, |text| text.replacen("<Range", &format!("{}<Range", "<Range>".repeat(100_000)), 1));
    assert!(matches!(Bmap::parse(&inside), Err(BmapError::Line { line: 10, .. })));
}

#[test]
fn comments_empty_elements_and_line_ends_of_others_change_nothing() {
    let read = |change: &dyn Fn(String) -> String| Bmap::parse(&made(DigestKind::Sha256, change));
    assert!(read(&|text| text.replace('\n', "\r\n")).is_ok());
    assert!(read(&|text| text.replace(" 0-2 ", " 0<!-- to -->-2 ")).is_ok());
    assert!(read(&|text| format!("\u{feff}{text}")).is_ok());
    assert!(read(&|text| text.replace("> 0-2 </Range>", "/>")).is_err());
}
