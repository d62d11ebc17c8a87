/// What a layout is fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// Its size in bytes.
    pub size: u64,
    /// The size of its sectors in bytes: 512 or 4096.
    pub sector: u32,
}
