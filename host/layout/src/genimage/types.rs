/// genimage's names of types that systemd-repart does not have.
pub(super) const TYPES: &[(&str, &str)] = &[
    ("l", "linux-generic"),
    ("linux", "linux-generic"),
    ("s", "swap"),
    ("h", "home"),
    ("u", "esp"),
    ("uefi", "esp"),
    ("r", "a19d880f-05fc-4d3b-a006-743f0f84911e"),
    ("raid", "a19d880f-05fc-4d3b-a006-743f0f84911e"),
    ("v", "e6d6d379-f507-44c2-a23c-238f2a3df928"),
    ("lvm", "e6d6d379-f507-44c2-a23c-238f2a3df928"),
    ("f", "basic-data"),
    ("fat32", "basic-data"),
    ("barebox-state", "4778ed65-bf42-45fa-9c5b-287a1dc4aab1"),
    ("barebox-env", "6c3737f2-07f8-45d1-ad45-15d260aab24d"),
    ("linux-reserved", "8da63339-0007-60c0-c436-083ac8230908"),
    ("u-boot-env", "3de21764-95bd-54bd-a5c3-4abe786f38a8"),
];
