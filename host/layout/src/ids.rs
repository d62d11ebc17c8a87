use sha2::Digest as _;
use sha2::Sha256;
use uuid::Uuid;

/// The identities of a medium and what is on it: UUIDs of version 5 (RFC 9562), so that equal inputs give equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    seed: Uuid,
}

/// The name space of these identities.
const SPACE: Uuid = uuid::uuid!("6f0d1a7e-5b52-4c1e-9d0a-5d0c4b7e3a11");

impl Ids {
    /// Identities made from what a medium is made of.
    pub fn new(seed: &[u8]) -> Self {
        Self { seed: Uuid::new_v5(&SPACE, seed) }
    }

    fn named(&self, what: &str, name: &str) -> Uuid {
        Uuid::new_v5(&self.seed, format!("{what} {name}").as_bytes())
    }

    /// That of the whole medium.
    pub fn disk(&self) -> Uuid {
        self.named("disk", "")
    }

    /// That of a partition in a GPT.
    pub fn partition(&self, label: &str) -> Uuid {
        self.named("partition", label)
    }

    /// That of a file system.
    pub fn file_system(&self, label: &str) -> Uuid {
        self.named("file system", label)
    }

    /// What hashes of names in a file system start from.
    pub fn hash_seed(&self, label: &str) -> Uuid {
        self.named("hash seed", label)
    }

    /// The serial number of a FAT file system.
    pub fn serial(&self, label: &str) -> u32 {
        self.short("serial", label)
    }

    /// The signature of an MBR, of which the identities of its partitions are made. 0 would mean none.
    pub fn signature(&self) -> u32 {
        self.short("signature", "").max(1)
    }

    fn short(&self, what: &str, name: &str) -> u32 {
        let digest = Sha256::digest(self.named(what, name).as_bytes());
        digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_inputs_have_equal_identities_and_others_have_others() {
        let (one, other) = (Ids::new(b"one"), Ids::new(b"other"));
        assert_eq!(one.disk(), Ids::new(b"one").disk());
        let all = [one.disk(), one.partition("a"), one.partition("b"), one.file_system("a"), other.partition("a")];
        assert!((1..all.len()).all(|n| !all[..n].contains(&all[n])));
        assert_eq!(one.disk().get_version_num(), 5);
        assert_ne!(one.signature(), other.signature());
    }
}
