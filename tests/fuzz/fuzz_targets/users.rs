//! No users table makes its parser panic, and what it takes can be written to `/etc/passwd` and is read back the same.
#![no_main]

use skiff_plan::User;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(users) = User::parse_table("t".as_ref(), text) else { return };
    assert!(users.len() <= text.lines().count());
    for user in &users {
        assert!(!user.text.contains(['\n', '\r', '#']));
        if user.name != "-" {
            let fields = [&user.name, &user.group, &user.comment, &user.home, &user.shell];
            assert!(fields.iter().all(|field| !field.contains([':', '\n', '\r', '\0'])));
            assert!(user.home == "-" || user.home.starts_with('/'));
        }
    }
    let again: String = users.iter().map(|user| format!("{}\n", user.text)).collect();
    assert_eq!(User::parse_table("t".as_ref(), &again).ok().as_ref(), Some(&users));
});
